import {
  ProcessFailure,
  type ProcessHandlers,
  type Told,
  type ZigbeeProcess,
  type ZigbeeProcesses,
} from '../../../../../agent/nodes/zigbee/process/process.ts';
import type { Answers, Command, StartNetwork } from '../../../../../agent/nodes/zigbee/process/words.ts';
import type { MonotonicClock } from '../../../../../agent/system/clock.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import { within } from '../../../../../agent/system/timeout.ts';
import type { MemoryFiles } from '../../../../support/memory-files.ts';
import { backup, backupFile, databaseFile, STICK } from '../samples.ts';

/** The processes of the library in a test's hands: they know a stick, and write database and backup as the library does. */
export interface FakeLibrary extends ZigbeeProcesses {
  /** What a look at the stick answers. */
  stick: Answers['look'];
  /** What a start answers in place of the usual. */
  startResult: Answers['start']['result'] | null;
  /** Paired devices that are in the database. */
  paired: string[];
  /** Devices that only the stick knows. */
  strangers: string[];
  /** What a check of the stick answers. */
  checks: 'up' | 'reset';
  frameCounter: number;
  /** Whether a device that only the stick knows hears that it is to leave. */
  sentAway: boolean;
  /** Every command that was asked for, of all processes. */
  readonly asked: Command[];
  /** Processes that were started, and those that run. */
  readonly starts: number;
  readonly running: number;
  /** What becomes of a command in place of its answer; undefined: it is answered. */
  instead: (command: Command) => 'never' | 'dies' | ProcessFailure | undefined;
  /** The process that runs says something. */
  tell(event: Told): void;
  /** It ends by itself. */
  die(): void;
}

const networkOf = ({ networkKey, ...rest }: StartNetwork) => ({ ...rest, networkKey: new Secret(networkKey) });

/** `startMs`: how long a start takes. */
export function createFakeLibrary(files: MemoryFiles, clock: MonotonicClock, { startMs = 400 } = {}): FakeLibrary {
  const asked: Command[] = [];
  let starts = 0;
  let current: { handlers: ProcessHandlers; die(): void } | null = null;
  let places: (Command & { do: 'start' }) | null = null;

  const after = (ms: number) => new Promise<void>((resolve) => clock.schedule(ms, resolve));

  async function carryOut(command: Command): Promise<unknown> {
    switch (command.do) {
      case 'look':
        await after(100);
        if (command.clear) library.stick = { state: 'blank', coordinator: library.stick.coordinator };
        return library.stick;
      case 'start': {
        await after(startMs);
        places = command;
        const { panId, extendedPanId, channel } = command.network;
        const result =
          library.startResult ?? (library.stick.state === 'network' ? 'resumed' : files.content.has(command.backup) ? 'restored' : 'reset');
        library.stick = { state: 'network', coordinator: library.stick.coordinator, panId, extendedPanId, channel, isOurKey: true };
        return { result, channel, coordinator: library.stick.coordinator, firmware: 'zStack3x0 20230507' };
      }
      case 'save': {
        await after(50);
        const { network, database, backup: path } = places!;
        if (files.full) throw new ProcessFailure('disk', 'ENOSPC: no space left on device');
        files.content.set(database, Buffer.from(databaseFile(...library.paired)));
        library.frameCounter += 1;
        const devices = [...library.paired, ...library.strangers].map((address, index) => ({ address, networkAddress: index + 1 }));
        const { frameCounter } = library;
        files.content.set(
          path,
          Buffer.from(backupFile(backup(networkOf(network), { frameCounter, devices, coordinator: library.stick.coordinator }))),
        );
        return null;
      }
      case 'check':
        return { state: library.checks };
      case 'remove':
        library.paired = library.paired.filter((address) => address !== command.address);
        return { confirmed: true };
      case 'send_away':
        if (library.sentAway) library.strangers = library.strangers.filter((address) => address !== command.address);
        return { confirmed: library.sentAway };
      case 'map':
        return { neighbours: [], unasked: [] };
      default:
        return null;
    }
  }

  const library: FakeLibrary = {
    stick: { state: 'blank', coordinator: STICK },
    startResult: null,
    paired: [],
    strangers: [],
    checks: 'up',
    frameCounter: 1000,
    sentAway: true,
    asked,
    get starts() {
      return starts;
    },
    get running() {
      return current ? 1 : 0;
    },
    instead: () => undefined,
    tell: (event) => current!.handlers.onEvent(event),
    die: () => current!.die(),
    spawn(handlers) {
      starts += 1;
      let isGone = false;
      const waiting = new Set<(error: ProcessFailure) => void>();
      const ended = () => new ProcessFailure('failed', 'the process of the Zigbee library ended');
      const exit = (detail: string) => {
        if (isGone) return;
        isGone = true;
        if (current === self) current = null;
        for (const reject of waiting) reject(ended());
        handlers.onExit(detail);
      };
      const self = { handlers, die: () => exit('by SIGKILL') };
      current = self;
      return {
        pid: 1000 + starts,
        async request(command: Command, timeoutMs: number) {
          asked.push(command);
          if (isGone) throw ended();
          const fate = library.instead(command);
          if (fate instanceof ProcessFailure) throw fate;
          if (fate === 'dies') queueMicrotask(self.die);
          const work = new Promise<unknown>((resolve, reject) => {
            waiting.add(reject);
            if (fate === undefined) carryOut(command).then(resolve, reject);
          });
          const late = (): never => {
            throw new ProcessFailure('late', `the Zigbee library did not answer "${command.do}"`);
          };
          return (await within(clock, timeoutMs, work, late)) as never;
        },
        end: () => void clock.schedule(20, () => exit('with 0')),
      } satisfies ZigbeeProcess;
    },
  };
  return library;
}
