import { type ChildProcess, spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Cancel, MonotonicClock } from '../../../system/clock.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Guard } from '../../../system/guard.ts';
import { within } from '../../../system/timeout.ts';
import { createLineSplitter } from './lines.ts';
import { maskKeys } from './mask.ts';
import { ProcessFailure, type ProcessHandlers, type ZigbeeProcess, type ZigbeeProcesses } from './process.ts';
import { hasAnswer, readAnswer, readEvent } from './read-event.ts';
import { PROTOCOL_VERSION, type Request } from './words.ts';

/** The map of a network with some thousand neighbours. */
const MAX_LINE = 4 * 1024 * 1024;
const MAX_STDERR = 2_000;
/** The process says so often that it lives; one that is silent for so long hangs, and is ended. */
const SILENT_MS = 30_000;
/** Loading the library keeps a process from saying so: 0.3 s, and 25 s in a virtual hub whose host was overloaded. */
const LOADING_MS = 120_000;
/** More lines than the largest network gives when it starts, and than a radio carries: a process that says so much has gone mad, and starves the agent. */
const FLOOD = { lines: 20_000, windowMs: 10_000 };
/** What the library needs for a large network, many times over. A leak ends the process, and not the hub. */
const HEAP_MEGABYTES = 96;
/** As the unit starts the agent: no inspector on a signal, and no `__proto__` in what comes from outside. */
const NODE_OPTIONS = [
  '--disable-sigusr1',
  '--disable-proto=delete',
  // Memory before speed, as the unit has it.
  ...['--max-semi-space-size=1', '--no-opt', '--no-maglev', '--no-sparkplug', '--v8-pool-size=1'],
  `--max-old-space-size=${HEAP_MEGABYTES}`,
  '--disable-warning=ExperimentalWarning',
];
/** The library starts `udevadm`. Nothing else of the agent's environment is its business. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_DISABLE_COMPILE_CACHE: '1' };

/** The bundle has the program beside its own, with the same ending. */
function program(): string {
  const ending = extname(import.meta.filename);
  return ending === '.ts' ? join(import.meta.dirname, '..', 'host', 'main.ts') : join(import.meta.dirname, `zigbee-host${ending}`);
}

interface Waiting {
  name: Request['do'];
  resolve(value: unknown): void;
  reject(error: ProcessFailure): void;
}

/** The library in a process of its own, with the Node that runs the agent. `path`: the program; default: the one that came with the agent. */
export function createZigbeeProcesses({
  clock,
  guard,
  path = program(),
}: {
  clock: MonotonicClock;
  guard: Guard;
  path?: string;
}): ZigbeeProcesses {
  return {
    spawn(handlers) {
      const child = spawn(process.execPath, [...NODE_OPTIONS, path], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], env: ENVIRONMENT });
      return supervise(child, handlers, { clock, guard });
    },
  };
}

function supervise(
  child: ChildProcess,
  handlers: ProcessHandlers,
  { clock, guard }: { clock: MonotonicClock; guard: Guard },
): ZigbeeProcess {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let stderr = '';
  let gone = false;
  let cancelKill: Cancel = () => {};
  let cancelWatch: Cancel = () => {};

  const isLoading = () => [...waiting.values()].some(({ name }) => name === 'load');
  const kill = () => {
    if (!gone) child.kill('SIGKILL');
  };
  const watch = () => {
    cancelWatch();
    if (!gone) cancelWatch = clock.schedule(isLoading() ? LOADING_MS : SILENT_MS, kill);
  };

  const exited = (detail: string) => {
    if (gone) return;
    gone = true;
    cancelKill();
    cancelWatch();
    for (const each of waiting.values()) each.reject(new ProcessFailure('failed', 'the process of the Zigbee library ended'));
    waiting.clear();
    handlers.onExit(maskKeys(`${detail} ${stderr}`.trim()));
  };

  let windowMs = clock.nowMs();
  let lines = 0;
  const isFlood = () => {
    const nowMs = clock.nowMs();
    if (nowMs - windowMs >= FLOOD.windowMs) [windowMs, lines] = [nowMs, 0];
    lines += 1;
    return lines > FLOOD.lines;
  };

  const onLine = (line: string) => {
    if (gone) return;
    if (isFlood()) return kill();
    const event = readEvent(line);
    if (event === null) return;
    watch();
    if (event.kind === 'alive') return;
    if (event.kind === 'hello') {
      if (event.version !== PROTOCOL_VERSION) kill();
      return;
    }
    if (event.kind !== 'answer') return handlers.onEvent(event);
    const asked = waiting.get(event.id);
    waiting.delete(event.id);
    watch();
    if (event.ok) asked?.resolve(event.value);
    else asked?.reject(new ProcessFailure(event.code, event.message));
  };

  const on = (emitter: NodeJS.EventEmitter | null | undefined, name: string, run: (...args: never[]) => void) =>
    emitter?.on(name, guard(`zigbee process ${name}`, run as (...args: unknown[]) => void));
  // First: a process that cannot be started has no streams, and says so in the next turn.
  on(child, 'error', (error: Error) => exited(messageOf(error)));
  on(child, 'exit', (code: number | null, signal: string | null) => exited(signal ? `by ${signal}` : `with ${code}`));
  const output = (child.stdio as ChildProcess['stdio'] | undefined)?.[3] as Readable | null | undefined;
  output?.setEncoding('utf8');
  on(output, 'data', createLineSplitter(MAX_LINE, onLine));
  child.stderr?.setEncoding('utf8');
  on(child.stderr, 'data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  // A pipe to a process that is gone.
  for (const stream of [child.stdin, output, child.stderr]) on(stream, 'error', () => {});
  watch();

  return {
    pid: child.pid ?? null,

    async request(command, timeoutMs) {
      if (gone) throw new ProcessFailure('failed', 'the process of the Zigbee library ended');
      const id = ++lastId;
      const answered = new Promise<unknown>((resolve, reject) => waiting.set(id, { name: command.do, resolve, reject }));
      if (command.do === 'load') watch();
      child.stdin?.write(`${JSON.stringify({ ...command, v: PROTOCOL_VERSION, id } satisfies Request)}\n`);
      const late = (): never => {
        waiting.delete(id);
        throw new ProcessFailure('late', `the Zigbee library did not answer "${command.do}" within ${Math.round(timeoutMs / 1000)} s`);
      };
      const value = await within(clock, timeoutMs, answered, late);
      const name = command.do;
      return (hasAnswer(name) ? readAnswer(name, value) : null) as never;
    },

    end(graceMs) {
      if (gone) return;
      child.stdin?.end(`${JSON.stringify({ do: 'stop', v: PROTOCOL_VERSION, id: ++lastId } satisfies Request)}\n`);
      cancelKill = clock.schedule(graceMs, kill);
    },
  };
}
