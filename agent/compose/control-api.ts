import type { Cloud } from '../cloud/cloud.ts';
import type { CommandView, LocalIntake } from '../commands/intake/local-intake.ts';
import type { CommandService } from '../commands/service.ts';
import type { AgentConfig } from '../config/config.ts';
import type { Alarm, Alarms } from '../contract/alarm.ts';
import type { NodeMaintenance } from '../contract/maintenance.ts';
import type { Claim } from '../contract/shadow.ts';
import type { WifiProblem } from '../contract/wifi.ts';
import type { ZigbeeNetwork } from '../contract/zigbee.ts';
import { type CommandReport, told, type WifiReport } from '../control/api.ts';
import { type Control, createControl } from '../control/control.ts';
import type { LogRing } from '../control/log-ring.ts';
import type { NodeTable } from '../nodes/table.ts';
import type { ResetKind } from '../state/reset-notes.ts';
import type { MonotonicClock, WallClock } from '../system/clock.ts';
import type { FileFault } from '../system/file-faults.ts';
import type { Guards } from '../system/guard.ts';
import type { HostFacts } from '../system/host.ts';
import type { Log } from '../system/log.ts';
import type { OutputState } from '../system/output.ts';
import { within } from '../system/timeout.ts';
import { version } from '../system/version.ts';
import type { ReleaseTrial } from '../trial/trial.ts';
import type { WifiService } from '../wifi/networkmanager/network-manager-wifi.ts';

/** What the process gives to the local API beside the agent's parts: the log is made before the agent. */
export interface LocalPorts {
  logs: LogRing;
  /** How it stands with standard output. */
  logOutput(): OutputState;
  logLevel(): string;
  setLogLevel(level: string, minutes: number): void;
  /** What could not be done with the agent's files. */
  fileFaults(): readonly FileFault[];
  /** Adds what a part of the agent found wrong with a file. */
  reportFileFault(fault: FileFault): void;
}

/** The agent's parts as the local API sees them. */
export interface LocalParts {
  config: AgentConfig;
  local: LocalPorts;
  cloud: Pick<Cloud, 'facts' | 'reachable'>;
  claim(): Claim | null;
  release: ReleaseTrial['report'];
  nodes: NodeTable;
  zigbee: readonly ZigbeeNetwork[];
  wifi: WifiService;
  commands: Pick<CommandService, 'entries'>;
  intake: LocalIntake;
  host: HostFacts;
  guards: Guards;
  alarms: Alarms & { list(): readonly Alarm[] };
  reset(kind: ResetKind, signal: AbortSignal): Promise<void>;
  clock: MonotonicClock;
  wallClock: WallClock;
  log: Log;
}

/** Commands of every intake in order of arrival, without their args. */
export function journalView(commands: Pick<CommandService, 'entries'>, intake: LocalIntake): CommandReport[] {
  return [...commands.entries(), ...intake.entries()].sort((a, b) => a.receivedAt - b.receivedAt).map(reportOf);
}

function reportOf({ id, intake, command, stage, receivedAt, finishedAt, outcome, answered }: CommandView): CommandReport {
  const status = outcome?.status ?? (stage === 'delivered' ? null : 'IN_PROGRESS');
  return { id, intake, command, status, stage, receivedAt, finishedAt, outcome, answered: answered ?? null };
}

/** What changes something is an alarm, when it was done. */
function changingMaintenance(maintenance: NodeMaintenance, localChange: () => void): NodeMaintenance {
  return {
    identify: maintenance.identify,
    async forget(nodeId) {
      const node = await maintenance.forget(nodeId);
      localChange();
      return node;
    },
    async rekey(bus, asked, onDone, signal) {
      // One that failed may have changed something.
      localChange();
      return maintenance.rekey(bus, asked, onDone, signal);
    },
    async setAddress(bus, change, signal) {
      const changed = await maintenance.setAddress(bus, change, signal);
      localChange();
      return changed;
    },
  };
}

/** NetworkManager answers within milliseconds; hubctl waits 3.5 s for the whole. */
const WIFI_REPORT_MS = 2_500;
const NO_REPLY: WifiProblem = {
  reason: 'no_reply',
  message: 'NetworkManager does not answer: sudo systemctl restart NetworkManager',
  device: null,
};

/** What is known of the Wi-Fi. A NetworkManager that hangs is a finding, and holds up no answer. */
async function wifiReport(wifi: WifiService, clock: MonotonicClock): Promise<WifiReport> {
  const asked = Promise.all([wifi.current(), wifi.credentialsSet(), wifi.problem()]);
  const late = () => [null, null, NO_REPLY] as const;
  const [[connection, credentialsSet, problem], notJoined] = await Promise.all([
    within(clock, WIFI_REPORT_MS, asked, late),
    // It is of many calls: where it comes late, nothing is said of it.
    within(clock, WIFI_REPORT_MS, wifi.notJoined(), () => null),
  ]);
  return { connection, credentialsSet, ...told(problem), notJoined };
}

/** Connects the agent's parts to the local API. Opens nothing. */
export function createLocalApi(parts: LocalParts): Control {
  const { config, local, cloud, nodes, wifi, clock } = parts;
  const commands = () => journalView(parts.commands, parts.intake);
  /** Only root has the socket that changes something. */
  const localChange = () => parts.alarms.raise('local_change', null);
  return createControl({
    socketPath: config.local.socketPath,
    status: {
      version,
      identity: config.identity,
      claim: parts.claim,
      release: parts.release,
      fileFaults: local.fileFaults,
      cloud: () => cloud.facts(),
      wifi: () => wifi.current(),
      host: parts.host,
      buses: () => nodes.buses(),
      zigbee: () => parts.zigbee.map((network) => network.status()),
      nodes: () => nodes.summary(),
      knownNodes: async () => (await nodes.getNodes({ refresh: false }, new AbortController().signal)).nodes,
      commands,
      logLevel: local.logLevel,
      logOutput: local.logOutput,
      faults: parts.guards.faults,
      alarms: parts.alarms.list,
      wallClock: parts.wallClock,
      clock,
    },
    nodes: (bus) => nodes.getNodes({ refresh: false, ...(bus !== undefined && { bus }) }, new AbortController().signal),
    commands,
    wifi: () => wifiReport(wifi, clock),
    async ping(signal) {
      const startMs = clock.nowMs();
      await cloud.reachable(signal);
      return clock.nowMs() - startMs;
    },
    logs: local.logs,
    trace: (bus, listener) => nodes.trace(bus, listener),
    maintenance: changingMaintenance(nodes.maintenance, localChange),
    async execute(envelope) {
      const view = await parts.intake.execute(envelope);
      if (!view.repeatable && view.outcome?.status !== 'REJECTED') localChange();
      return reportOf(view);
    },
    setLogLevel(level, minutes) {
      local.setLogLevel(level, minutes);
      localChange();
    },
    async reset(kind, signal) {
      // Before it begins: the stop that follows still reports it, and a factory reset forgets what is stored of it.
      localChange();
      await parts.reset(kind, signal);
    },
    zigbee: parts.zigbee,
    changed: localChange,
    guard: parts.guards.guard,
    clock,
    log: parts.log,
  });
}
