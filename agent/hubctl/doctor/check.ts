import type { TlsCredentials } from '../../contract/tls.ts';
import type { WifiProblem } from '../../contract/wifi.ts';
import type { StatusReport } from '../../control/api.ts';
import type { ConfigFault } from '../../health/config.ts';
import type { HealthFinding } from '../../health/finding.ts';
import type { MonotonicClock, WallClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { HostFacts } from '../../system/host.ts';
import type { Paths } from '../../system/paths.ts';
import type { AgentClient, AgentError } from '../cli/client.ts';
import type { Places } from '../cli/locate.ts';
import type { ServiceState } from '../machine/service-state.ts';

export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skipped';

/** What a check found: a fault of the catalogue of health findings, or none. */
export type Finding = Faultless | Fault;

interface Faultless {
  status: 'ok' | 'skipped';
  /** The state, as a sentence without a capital or a full stop. */
  finding: string;
  remedy: null;
  code?: undefined;
  subject?: undefined;
}

interface Fault {
  status: HealthFinding['severity'];
  finding: string;
  /** The command, or the action, that solves it. */
  remedy: string;
  /** The code of the catalogue; stable, for scripts. */
  code: string;
  /** A bus, a node, an interface; null: the hub. */
  subject: string | null;
  /** Why this matters, when it is another reason than that of the check. */
  why?: string;
}

/** A named question about the hub. */
export interface Check {
  /** Stable, for scripts. */
  name: string;
  /** Why it matters. */
  why: string;
  /** Never throws on a fault of the hub; never longer than `CHECK_TIMEOUT_MS`. May find several things. */
  run(context: DoctorContext): Promise<Finding | Finding[]>;
}

export type CheckResult = Finding & {
  check: string;
  why: string;
  /** The finding of an earlier check that this one is a consequence of; absent: it is a cause itself, as far as is known. */
  causedBy?: { check: string; code: string };
};

/** What a connection as this hub is made with. Without it `fault` has the reason; null: this user may not read the files, or none is named. */
export type TlsMaterial = { credentials: TlsCredentials; fault: null } | { credentials: null; fault: ConfigFault | null };

/** What the checks need of the outside. */
export interface DoctorPorts {
  client: AgentClient;
  places: Places;
  version: string;
  files: Pick<Files, 'read'>;
  paths: Paths;
  /** The folder of `passwd` and `group`. */
  etc: string;
  /** Where the kernel shows the processes (proc(5)). */
  processFolder: string;
  /** A clock before this is surely wrong. */
  builtAtMs: number;
  env: Readonly<Record<string, string | undefined>>;
  /** Only root sees the files and processes of every user. */
  isRoot: boolean;
  wallClock: WallClock;
  clock: MonotonicClock;
  host(stateDirectory: string): HostFacts;
  /** Every problem of the configuration and of the files that it names; warnings apart, and the files that this user may not read. */
  configFaults(places: Places): Promise<{ problems: ConfigFault[]; warnings: ConfigFault[]; unreadable: string[]; hubId: string | null }>;
  /** Certificate, key and authorities as the agent would use them, validated as at its start and proven with the SDK. */
  tlsMaterial(places: Places): Promise<TlsMaterial>;
  /** Null only where there surely is no systemd, or no such service. Never longer than the given time, or a few seconds. */
  service(timeoutMs?: number): Promise<ServiceState | null>;
  /**
   * Passes on lines of the system's journal of the service; with `only` that field of each entry with that message id. Answers whether there were
   * any; null: the journal did not answer in time.
   */
  journal(
    options: { lines: number; follow: boolean; only?: { messageId: string; field: string }; signal?: AbortSignal; timeoutMs?: number },
    onLine: (line: string) => void,
  ): Promise<boolean | null>;
  /** Why the Wi-Fi cannot be used, as this user sees it; null when it can. */
  wifiProblem(interfaceName: string | null): Promise<WifiProblem | null>;
}

/** What several checks look at is asked once, by the first. */
export interface DoctorContext {
  ports: DoctorPorts;
  settings: Settings;
  agent(): Promise<{ status: StatusReport; problem: null } | { status: null; problem: AgentError }>;
  configFaults: DoctorPorts['configFaults'] extends (places: Places) => infer R ? () => R : never;
  service(): Promise<ServiceState | null>;
  /** Whether a session of this hub's identity may be made. */
  session(): Promise<boolean>;
  connectivity(): Promise<Connectivity>;
}

/** The configuration as far as it can be read, right or wrong. */
export interface Settings {
  endpoint: string | null;
  port: number;
  /** The port that the agent tries when the first does not answer; null: none. */
  fallbackPort: number | null;
  thingName: string | null;
  shadowName: string | null;
  executions: boolean;
  jobs: boolean;
  certificatePath: string | null;
  privateKeyPath: string | null;
  caPath: string | null;
  buses: { id: string; protocol: 'osdp' | 'zigbee'; path: string; baudRate: string; keysPath: string | null }[];
  wifi: { backend: string; interface: string | null };
}

/** One step to the cloud, in words. `ms`: how long it took. `code`: why it failed, of the catalogue of health findings; stable, for scripts. */
export type ConnectivityStep =
  | { ok: true; ms: number; finding: string; remedy: null }
  | { ok: false; ms: number; finding: string; remedy: string; code: string };

/** How far a connection to the cloud comes. A step that was not reached is null. */
export interface Connectivity {
  dns: ConnectivityStep | null;
  /** The configured port, and the agent's second one, else AWS IoT's other one. `used`: the agent goes there too. */
  tcp: ConnectivityStep | null;
  otherPort: (ConnectivityStep & { port: number; used: boolean }) | null;
  tls: ConnectivityStep | null;
  /** Null too when the agent holds the session: a second one of the same identity would end it. */
  connack: ConnectivityStep | null;
  puback: ConnectivityStep | null;
  /** What the agent does on topics, tried; null: not reached. */
  topics: TopicsTried | null;
}

export interface TopicTried {
  operation: string;
  topic: string;
}

export interface TopicsTried {
  /** What the policy refuses. */
  refused: TopicTried[];
  /** Tried, and neither taken nor refused. */
  unanswered: TopicTried[];
  /** What the link did not last for. */
  untried: TopicTried[];
}

/** A step that was made, and one that was not. */
export const good = (ms: number, finding: string): ConnectivityStep => ({ ok: true, ms, finding, remedy: null });
export const bad = (ms: number, { text, remedy, code }: HealthFinding): ConnectivityStep => ({
  ok: false,
  ms,
  finding: text,
  remedy,
  code,
});

export const ok = (finding: string): Finding => ({ status: 'ok', finding, remedy: null });
/** A finding of the catalogue. */
export const catalogued = ({ code, subject, severity, text, remedy }: HealthFinding): Fault => ({
  status: severity,
  finding: text,
  remedy,
  code,
  subject,
});
export const skipped = (finding: string): Finding => ({ status: 'skipped', finding, remedy: null });
