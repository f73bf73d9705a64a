import { createExecutor } from '../../../agent/commands/executor.ts';
import { type CommandHandler, createCatalog } from '../../../agent/commands/handlers/handler.ts';
import { createSetWifiCredentials } from '../../../agent/commands/handlers/set-wifi-credentials.ts';
import { createJournal } from '../../../agent/commands/lifecycle/journal.ts';
import { type CommandService, createCommandService } from '../../../agent/commands/service.ts';
import { topicsOf } from '../../../agent/contract/topics.ts';
import type { Wifi } from '../../../agent/contract/wifi.ts';
import { createMemoryFiles, type MemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock, type SteppedClock } from '../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../nodes/fakes.ts';
import { createFakeCloud, type FakeCloud } from './fake-cloud.ts';

/** A run of a command that a test ends. */
export interface Run {
  command: string;
  args: object;
  signal: AbortSignal;
  succeed(result?: Record<string, unknown>): void;
  fail(error: unknown): void;
}

/** One process of the hub around its commands; a test may start the next one on the same disk and cloud. */
export interface CommandsRig {
  service: CommandService;
  cloud: FakeCloud;
  files: MemoryFiles;
  clock: SteppedClock;
  log: ReturnType<typeof createFakeLog>;
  runs: Run[];
  /** Runs answer at once with `{}`. */
  quick: boolean;
  /** Connects, as the cloud part does. */
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Sends a command through the shadow and its delta. */
  send(command: unknown, args?: unknown): Promise<void>;
  settle(): Promise<void>;
}

export const topics = topicsOf('hub-1');
export const STATE = '/var/lib/hub';

export function createRig(
  given: { cloud?: FakeCloud; files?: MemoryFiles; quick?: boolean; shadowIntake?: boolean; traces?: boolean } = {},
): CommandsRig {
  const cloud = given.cloud ?? createFakeCloud();
  const files = given.files ?? createMemoryFiles();
  const clock = createSteppedClock();
  const log = createFakeLog();
  const entropy = createFakeEntropy(7);
  const runs: Run[] = [];
  const run = (command: string, args: object, signal: AbortSignal) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      runs.push({ command, args, signal, succeed: (result = {}) => resolve(result), fail: reject });
      if (rig.quick) resolve({});
    });
  const reading: CommandHandler = {
    name: 'get_nodes',
    resource: 'nodes',
    repeatable: true,
    timeoutMs: 10_000,
    parse: (args) => ({ ...(args as object) }),
    run: (args, signal) => run('get_nodes', args, signal),
  };
  const wifi = {
    change: (args: object, signal: AbortSignal) => run('set_wifi_credentials', args, signal),
    cutChange: (signal: AbortSignal) => (given.traces ? run('after the cut', {}, signal) : Promise.resolve(null)),
  } as unknown as Wifi;
  const catalog = createCatalog([reading, createSetWifiCredentials({ wifi, timeoutMs: 60_000 }) as CommandHandler]);
  const wallClock = { nowMs: () => 1_800_000_000_000 + clock.nowMs() };
  const service = createCommandService({
    cloud,
    journal: createJournal({ files, directory: STATE, entropy, log }),
    executor: createExecutor({ catalog, clock, log }),
    catalog,
    topics,
    shadowIntake: given.shadowIntake ?? true,
    ttlSeconds: 300,
    wallClock,
    clock,
    entropy,
    log,
  });
  const rig: CommandsRig = {
    service,
    cloud,
    files,
    clock,
    log,
    runs,
    quick: given.quick ?? false,
    async connect() {
      cloud.connected = true;
      service.linkUp();
      await rig.settle();
    },
    async disconnect() {
      cloud.connected = false;
      service.linkDown();
      await rig.settle();
    },
    async send(command, args) {
      cloud.send(command, args);
      service.delta(cloud.view('delta'));
      await rig.settle();
    },
    settle: () => clock.advance(0),
  };
  return rig;
}
