import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMonotonicClock, createWallClock } from '../../../agent/system/clock.ts';
import { type ApiKey, type ApiRequestLine, type CloudApi, createCloudApi, type SendWhileOffline } from '../../twins/cloud-api/index.ts';
import { createIotCore, type IotCoreOptions } from '../../twins/iot-core/index.ts';
import type { BrokerMessage, IotCore } from '../../twins/iot-core/types.ts';
import { createOsdpLine, type OsdpLine, type PeripheralOptions } from '../../twins/osdp-line/index.ts';
import { createPki } from '../../twins/pki/pki.ts';
import type { Pki } from '../../twins/pki/types.ts';
import { createVirtualPort, type VirtualPort } from '../../twins/virtual-port/index.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';
import { createSignal, until } from './until.ts';

export interface RigOptions {
  /** PDs on the serial line; default none, and then no bus is configured. */
  peripherals?: readonly PeripheralOptions[];
  baudRate?: number;
  /** Addresses that the agent scans. */
  addresses?: (number | string)[];
  iotCore?: Partial<IotCoreOptions>;
  apiPort?: number;
  /** What SendHubCommand does with a hub that is offline; default `refuse`. */
  sendWhileOffline?: SendWhileOffline;
  /** A named shadow carries the commands; the API's own is the classic one. */
  shadowName?: string;
  /** Merged over the rig's `agent.json`, section by section; a function sees the started broker's ports. */
  config?: Record<string, unknown> | ((iotCore: IotCore) => Record<string, unknown>);
  /** Called for each answered request of the API. */
  onRequest?: (line: ApiRequestLine) => void;
}

/** An answer of the public API. */
export interface ApiAnswer {
  status: number;
  body: Record<string, unknown>;
}

/** A whole world around one real agent process: cloud, API, serial line. Everything on loopback and in one temporary folder. */
export interface Rig {
  readonly hubId: string;
  readonly apiKey: string;
  readonly folder: string;
  readonly iotCore: IotCore;
  /** Signed the hub's certificate, and may sign another. */
  readonly pki: Pki;
  readonly api: CloudApi;
  readonly line: OsdpLine | null;
  readonly port: VirtualPort | null;
  /** Every result page that was published, oldest first. */
  readonly results: readonly Record<string, unknown>[];
  /** Starts (another) agent process with the rig's configuration, or another folder's; `program` runs in place of the checkout's. */
  startAgent(options?: { program?: readonly string[]; args?: readonly string[]; env?: Record<string, string>; etc?: string }): AgentProcess;
  call(name: 'ProvisionHub' | 'ClaimHub' | 'SendHubCommand', body?: Record<string, unknown>): Promise<ApiAnswer>;
  status(): Promise<ApiAnswer>;
  /** Registers the hub; throws when the API says no. */
  provision(): Promise<void>;
  /** Provisions and claims the hub; throws when the API says no. */
  claim(): Promise<void>;
  /**
   * Sends a command, as a person would: the same one not twice within a second of the Shadow service's clock, because two such are one
   * (contract, "A command from the shadow, exactly once"). Whoever wants to see just that uses `call`.
   */
  send(command: string, args?: Record<string, unknown>): Promise<ApiAnswer>;
  reported(): Record<string, unknown>;
  desired(): Record<string, unknown>;
  /** Waits for anything that the broker's messages change, looked at after each of them. */
  until<T>(what: string, look: () => T | null | undefined | false, timeoutMs?: number): Promise<T>;
  /** Waits for the reported state, looked at after each message of the broker. */
  untilReported<T>(what: string, look: (reported: Record<string, unknown>) => T | null | undefined | false, timeoutMs?: number): Promise<T>;
  /** Sends a command over the API and waits for its answer in the shadow; an answer of the same id counts as the one before. */
  run(command: string, args?: Record<string, unknown>, timeoutMs?: number): Promise<Record<string, unknown>>;
  /** Waits for the answer of a command that came after the given ones. */
  answer(options?: { not?: readonly string[]; timeoutMs?: number }): Promise<Record<string, unknown>>;
  untilResults(count: number): Promise<void>;
  onMessage(handler: (message: BrokerMessage) => void): () => void;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const ORGANISATION = 'example_string';

/** Makes and starts the world, without an agent. */
export async function createRig(options: RigOptions = {}): Promise<Rig> {
  // What was opened before something failed does not stay.
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hub-rig-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const hubId = randomUUID();
  const apiKey = `demo-${randomUUID()}`;
  const pki = await createPki();
  const iotCore = createIotCore({ pki, ...options.iotCore });
  opened.defer(() => iotCore.stop());
  const keys: ApiKey[] = [{ key: apiKey, orgId: ORGANISATION, super: true }];
  const api = createCloudApi({
    iotCore,
    keys,
    jwtSecret: randomUUID(),
    wallClock: createWallClock(),
    port: options.apiPort ?? 0,
    tls: await pki.issueServer(['127.0.0.1', 'localhost']),
    ...(options.sendWhileOffline && { sendWhileOffline: options.sendWhileOffline }),
    ...(options.onRequest && { onRequest: options.onRequest }),
  });
  opened.defer(() => api.stop());
  await iotCore.start();
  await api.start();

  let port: VirtualPort | null = null;
  let line: OsdpLine | null = null;
  if (options.peripherals) {
    port = await createVirtualPort({ link: join(folder, 'rs485') });
    const made = port;
    opened.defer(() => made.close());
    line = createOsdpLine({ baudRate: options.baudRate ?? 115200, clock: createMonotonicClock(), peripherals: [...options.peripherals] });
    line.connect(port);
    opened.defer(line.stop);
  }

  const device = await pki.issueClient(hubId);
  iotCore.registerThing({ thingName: hubId, certificate: device.certificate });
  const configured = join(folder, 'etc');
  await mkdir(configured, { recursive: true });
  await Promise.all([
    writeFile(join(configured, 'certificate.pem'), device.certificate),
    writeFile(join(configured, 'private.key'), device.privateKey, { mode: 0o600 }),
    writeFile(join(configured, 'ca.pem'), pki.caCertificate),
    writeJson(join(configured, 'identity.json'), {
      hubId,
      serial: `SN-${hubId.slice(0, 8)}`,
      model: 'HUB-1',
      vendorName: 'Example Locks',
      certificatePath: 'certificate.pem',
      privateKeyPath: 'private.key',
    }),
    writeJson(join(configured, 'agent.json'), agentConfig(options, iotCore, port)),
  ]);

  const shadow = () => iotCore.shadow(hubId, options.shadowName).get()?.state ?? {};
  const signal = createSignal();
  const results: Record<string, unknown>[] = [];
  /** Every command that the reported state has shown: an answer may be repeated there. */
  const commandIds = new Set<string>();
  /** In which second each command was last sent. */
  const sentIn = new Map<string, number>();
  const messageHandlers = new Set<(message: BrokerMessage) => void>();
  const agents: AgentProcess[] = [];
  iotCore.onMessage('#', (message) => {
    collect(message);
  });
  // AWS keeps `$` topics out of `#` (MQTT 5, section 4.7.2).
  iotCore.onMessage('$aws/things/+/shadow/#', collect);
  iotCore.onMessage('$aws/commands/#', collect);
  function collect(message: BrokerMessage): void {
    if (/^hubs\/[^/]+\/commands\/[^/]+\/result$/.test(message.topic)) results.push(JSON.parse(message.payload.toString()));
    const { id } = (shadow().reported?.lastCommand ?? {}) as { id?: string };
    if (id !== undefined) commandIds.add(id);
    for (const handler of messageHandlers) handler(message);
    queueMicrotask(signal.fire);
  }

  /** Whoever reads of a test that failed elsewhere needs what the hub said and showed. */
  function withEvidence(error: unknown): never {
    const said = agents.at(-1)?.output().trimEnd().split('\n').slice(-LAST_LINES).join('\n') ?? 'no agent was started';
    throw new Error(`${(error as Error).message}\nshadow: ${JSON.stringify(shadow())}\nagent:\n${said}`);
  }

  const closing = opened.move();
  const rig: Rig = {
    hubId,
    apiKey,
    folder,
    iotCore,
    pki,
    api,
    line,
    port,
    results,

    startAgent({ program, args = [], env = {}, etc = configured } = {}) {
      const agent = startAgentProcess({
        identityPath: join(etc, 'identity.json'),
        configPath: join(etc, 'agent.json'),
        ...(program && { program }),
        args,
        // A system bus of the machine under the rig is out of reach, whatever the configuration says.
        env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(folder, 'no-system-bus')}`, ...env },
      });
      agents.push(agent);
      return agent;
    },

    async call(name, body = {}) {
      const answer = await fetch(`${api.url}/hubs/${hubId}/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': apiKey },
        body: JSON.stringify({ hubId, ...body }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },

    async status() {
      const answer = await fetch(`${api.url}/hubs/${hubId}/status`, { headers: { 'X-API-Key': apiKey } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },

    async provision() {
      const provisioned = await rig.call('ProvisionHub', {
        serial: `SN-${hubId.slice(0, 8)}`,
        model: 'HUB-1',
        vendorName: 'Example Locks',
      });
      if (provisioned.status !== 201 && provisioned.status !== 200) throw new Error(`ProvisionHub answered ${JSON.stringify(provisioned)}`);
    },

    async claim() {
      await rig.provision();
      const claimed = await rig.call('ClaimHub', { orgId: ORGANISATION, siteId: 'site-1', userId: 'user-1' });
      if (claimed.status !== 200) throw new Error(`ClaimHub answered ${JSON.stringify(claimed)}`);
    },

    async send(command, args) {
      const same = JSON.stringify([command, args ?? {}]);
      while (sentIn.get(same) === currentSecond()) await sleep(1_000 - (Date.now() % 1_000));
      const answer = await rig.call('SendHubCommand', { command, ...(args && { args }) });
      if (answer.status === 200) sentIn.set(same, currentSecond());
      return answer;
    },
    reported: () => shadow().reported ?? {},
    desired: () => shadow().desired ?? {},

    until: (what, look, timeoutMs) => until(signal.subscribe, what, look, timeoutMs).catch(withEvidence),
    untilReported: (what, look, timeoutMs) => until(signal.subscribe, what, () => look(rig.reported()), timeoutMs).catch(withEvidence),

    async run(command, args, timeoutMs) {
      const before = [...commandIds];
      const sent = await rig.send(command, args);
      if (sent.status !== 200) throw new Error(`SendHubCommand answered ${JSON.stringify(sent)}`);
      return rig.answer({ not: before, ...(timeoutMs !== undefined && { timeoutMs }) });
    },

    answer({ not = [], timeoutMs } = {}) {
      return rig.untilReported(
        'an answered command',
        ({ lastCommand }) => {
          const last = lastCommand as Record<string, unknown> | undefined;
          return last && last.status !== 'IN_PROGRESS' && !not.includes(String(last.id)) ? last : null;
        },
        timeoutMs,
      );
    },

    untilResults: (count) => until(signal.subscribe, `${count} result pages`, () => results.length >= count).then(() => {}),

    onMessage(handler) {
      messageHandlers.add(handler);
      return () => messageHandlers.delete(handler);
    },

    async dispose() {
      await Promise.all(agents.map((agent) => agent.kill()));
      await closing.disposeAsync();
    },

    [Symbol.asyncDispose]: () => rig.dispose(),
  };
  return rig;
}

/** Of the agent's log, in the error of something that did not come. */
const LAST_LINES = 40;

/** The resolution of the Shadow service's metadata. */
const currentSecond = () => Math.floor(Date.now() / 1_000);

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

function agentConfig(options: RigOptions, iotCore: IotCore, port: VirtualPort | null): Record<string, unknown> {
  const bus = port && {
    id: 'rs485',
    protocol: 'osdp',
    path: port.path,
    baudRate: options.baudRate ?? 115200,
    ...(options.addresses && { addresses: options.addresses }),
  };
  const base: Record<string, Record<string, unknown> | unknown> = {
    cloud: {
      endpoint: iotCore.host,
      port: iotCore.port,
      caPath: 'ca.pem',
      connect: { spreadSeconds: 0 },
      ...(options.shadowName !== undefined && { shadowName: options.shadowName }),
    },
    stateDirectory: '../state',
    buses: bus ? [bus] : [],
    // The machine under the rig may have a Wi-Fi of its own: it is not ours to change.
    wifi: { backend: 'none' },
    local: { socketPath: '../control.sock' },
  };
  const { config = {} } = options;
  for (const [section, value] of Object.entries(typeof config === 'function' ? config(iotCore) : config)) {
    const before = base[section];
    const merge = typeof before === 'object' && before !== null && !Array.isArray(before) && typeof value === 'object';
    base[section] = merge ? { ...before, ...value } : value;
  }
  return base;
}
