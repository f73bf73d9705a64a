import { join } from 'node:path';
import { networksAnswer } from '../../../agent/hubctl/answers/zigbee.ts';
import { type AgentClient, createAgentClient } from '../../../agent/hubctl/cli/client.ts';
import type { Device } from '../../twins/zigbee-coordinator/index.ts';
import type { AgentProcess, LogLine } from '../rig/agent-process.ts';
import { createRig, type Rig, type RigOptions } from '../rig/rig.ts';
import { untilOnline } from '../rig/start.ts';
import { createSignal, until } from '../rig/until.ts';
import { addressOf, addZigbee, ZIGBEE_BUS as BUS, type RigZigbee } from '../rig/zigbee.ts';

/** What these tests read of a status of the network. */
export interface NetworkStatus {
  state: string;
  stage: string;
  network: { panId: string; channel: number; coordinator: string | null } | null;
  devices: number;
  pid: number | null;
  notices: { code: string }[];
  problem: { reason: string; message: string } | null;
}

interface NodesAnswer {
  nodes: Record<string, unknown>[];
}

interface JoinLine {
  event?: string;
  address?: string;
}

/** The stream of a network that is open. */
export interface Joining {
  until(event: string, address?: string): Promise<void>;
  /** Stops listening; the network closes by itself. */
  close(): void;
}

/** A hub with a Zigbee stick, in a room with devices. */
export interface ZigbeeWorld extends Omit<RigZigbee, 'air'> {
  readonly rig: Rig;
  readonly devices: readonly Device[];
  /** Where the agent keeps the network. */
  readonly state: string;
  /** All that were started; the last one is at work. */
  readonly agents: readonly AgentProcess[];
  /** Starts the agent and waits until the cloud shows it online. */
  start(): Promise<AgentProcess>;
  /** Waits until the host has sent so many of a command. */
  untilFrames(command: number, count: number): Promise<void>;
  /** Marks this moment in the log: what is waited for comes after it. */
  mark(): void;
  up(timeoutMs?: number): Promise<LogLine>;
  unavailable(reason: string, timeoutMs?: number): Promise<LogLine>;
  status(): Promise<NetworkStatus>;
  /** Asks the agent's admin socket for it. @throws Error with what the agent says against it */
  change(what: string, body?: Record<string, unknown>): Promise<unknown>;
  /** Opens joining, and listens to what comes of it. */
  openJoining(): Promise<Joining>;
  /** Opens joining, has the device join, and waits for its interview and reporting. */
  pair(device: Device, via?: string): Promise<void>;
  /** What the API's get_nodes tells. */
  nodes(): Promise<Record<string, unknown>[]>;
  /** Waits until get_nodes has something. */
  untilNodes<T>(what: string, look: (nodes: Record<string, unknown>[]) => T | null | undefined | false): Promise<T>;
}

const LISTEN_SECONDS = 120;
const MAX_LOOKS = 60;

/** Makes it; nothing is formed before `start`. `options`: of the rig, for instance OSDP peripherals beside it. */
export async function createZigbeeWorld(options: RigOptions = {}): Promise<ZigbeeWorld> {
  await using opened = new AsyncDisposableStack();
  const rig = opened.use(await createRig(options));
  await rig.provision();
  const zigbee = opened.use(await addZigbee(rig));
  const { stick, lock, sensor, plug } = zigbee;

  const agents: AgentProcess[] = [];
  const client: AgentClient = createAgentClient(join(rig.folder, 'control.sock'), 30_000);
  let since = 0;
  let asked = 0;
  const waitFor = (event: string, where: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine> =>
    agents.at(-1)!.waitFor(event, { since, where: (line) => line.bus === BUS && where(line), ...(timeoutMs && { timeoutMs }) });

  const closing = opened.move();
  const world: ZigbeeWorld = {
    ...zigbee,
    rig,
    devices: [lock, sensor, plug],
    state: join(rig.folder, 'state', 'zigbee', BUS),
    agents,
    async start() {
      const { session } = rig.reported();
      since = 0;
      agents.push(rig.startAgent());
      await untilOnline(rig, session === undefined ? undefined : String(session));
      return agents.at(-1)!;
    },
    untilFrames(command, count) {
      return new Promise((resolve) => {
        let seen = 0;
        const stop = stick.coordinator.onFrame((direction, frame) => {
          if (direction !== 'in' || frame.command !== command) return;
          seen += 1;
          if (seen < count) return;
          stop();
          resolve();
        });
      });
    },
    mark() {
      since = agents.at(-1)!.lines.length;
    },
    up: (timeoutMs) => waitFor('bus_up', () => true, timeoutMs),
    unavailable: (reason, timeoutMs) => waitFor('bus_unavailable', (line) => line.reason === reason, timeoutMs),
    async status() {
      const { networks } = await client.get('/v1/zigbee', networksAnswer);
      return networks.find(({ bus }) => bus === BUS)!;
    },
    async change(what, body = {}) {
      let outcome: { result?: unknown; error?: { message: string } } = {};
      await client.lines({ path: `/v1/zigbee/${BUS}/${what}`, body }, (line) => {
        outcome = { ...outcome, ...JSON.parse(line) };
      });
      if (outcome.error) throw new Error(`${what}: ${outcome.error.message}`);
      return outcome.result;
    },
    async openJoining() {
      // Joining is refused until the network is on the disk.
      await world.change('backup');
      const abort = new AbortController();
      const events: JoinLine[] = [];
      const heard = createSignal();
      let failure: unknown = null;
      const onLine = (line: string): void => {
        events.push(JSON.parse(line) as JoinLine);
        heard.fire();
      };
      const path = `/v1/zigbee/${BUS}/permit-join`;
      client.lines({ path, body: { seconds: LISTEN_SECONDS }, signal: abort.signal }, onLine).catch((error: unknown) => {
        failure = error;
        heard.fire();
      });
      const joining: Joining = {
        until: (event, address) =>
          until(heard.subscribe, `${event} of ${address ?? 'the network'}`, () => {
            const found = events.find((one) => one.event === event && (address === undefined || one.address === address));
            if (!found && failure !== null && !abort.signal.aborted) throw failure;
            return found;
          }).then(() => {}),
        close: () => abort.abort(),
      };
      await joining.until('open');
      return joining;
    },
    async pair(device, via) {
      const joining = await world.openJoining();
      if (!device.join(via)) throw new Error(`no network is open for ${device.eui}`);
      await joining.until('reporting', addressOf(device));
      joining.close();
    },
    async nodes() {
      asked += 1;
      const { id } = await rig.run('get_nodes', { again: asked });
      // A few nodes are too many for the shadow; the topic has them all.
      const page = await rig.until('the result of get_nodes', () => rig.results.find((one) => one.id === id));
      return (page.result as NodesAnswer).nodes;
    },
    async untilNodes(what, look) {
      for (let looks = 0; ; looks += 1) {
        const nodes = await world.nodes();
        const found = look(nodes);
        if (found) return found;
        if (looks >= MAX_LOOKS) throw new Error(`${what}: ${JSON.stringify(nodes)}`);
      }
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
  return world;
}
