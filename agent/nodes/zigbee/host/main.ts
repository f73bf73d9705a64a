import { Socket } from 'node:net';
import { createMonotonicClock, createWallClock } from '../../../system/clock.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Guard } from '../../../system/guard.ts';
import { createDeviceUse } from '../../../system/linux/device-use.ts';
import { createLineSplitter } from '../process/lines.ts';
import { maskKeys } from '../process/mask.ts';
import { ProcessFailure } from '../process/process.ts';
import { type Command, type FailureCode, PROTOCOL_VERSION, type ProcessEvent, type Request } from '../process/words.ts';
import { type Library, loadLibrary } from './library.ts';
import { lookAtStick } from './look.ts';
import { createNetworkHost, type NetworkHost } from './network.ts';
import { openStickPort, portInUse } from './stick-port.ts';

/**
 * The process around zigbee-herdsman. It ends when the agent does, when the agent says so, and with an error that the library throws outside of a call:
 * its timers and its listeners do, and the agent starts it again.
 */

const OUTPUT = 3;
const ALIVE_MS = 5_000;
const MAX_COMMAND = 64 * 1024;
const MAX_MESSAGE = 500;
/** For what still hangs: the agent waits two seconds. */
const LAST_WORDS_MS = 100;
const EX_SOFTWARE = 70;
const PRIVATE = 0o077;

/** The library passes on what the file system threw, with its code (errno(3)). */
function failureOf(command: Command, error: unknown): FailureCode {
  if (error instanceof ProcessFailure) return error.code;
  return command.do === 'save' && typeof (error as NodeJS.ErrnoException).code === 'string' ? 'disk' : 'failed';
}

function main(): void {
  process.umask(PRIVATE);
  const clock = createMonotonicClock();
  const wallClock = createWallClock();
  const use = createDeviceUse();
  const output = new Socket({ fd: OUTPUT, readable: false, writable: true });
  let host: NetworkHost | null = null;
  let loaded: Library | null = null;
  let isStopping = false;

  const emit = (event: ProcessEvent) => void output.write(`${JSON.stringify(event)}\n`);
  const reasonOf = (error: unknown) => maskKeys(messageOf(error) ?? 'no reason').slice(0, MAX_MESSAGE);
  const end = (code: number) => {
    clock.schedule(LAST_WORDS_MS, () => process.exit(code));
    output.end(() => process.exit(code));
  };
  const fail = (error: unknown) => {
    if (isStopping) return;
    isStopping = true;
    emit({ kind: 'lost', message: `the Zigbee library failed: ${reasonOf(error)}` });
    end(EX_SOFTWARE);
  };
  const guard: Guard =
    (place, run) =>
    (...args) => {
      const caught = (error: unknown) => emit({ kind: 'log', level: 'error', text: `${place}: ${reasonOf(error)}` });
      try {
        const result = run(...args);
        if (result instanceof Promise) result.catch(caught);
      } catch (error) {
        caught(error);
      }
    };

  async function look({ port, networkKey, clear }: Command & { do: 'look' }) {
    const stick = await openStickPort(port, use);
    try {
      return await lookAtStick(stick, { networkKey, clear }, clock);
    } finally {
      await stick.close();
    }
  }

  function load(): Library {
    loaded ??= loadLibrary() ?? null;
    if (loaded === null) throw new ProcessFailure('library_missing', 'zigbee-herdsman is not installed');
    return loaded;
  }

  async function start(command: Command & { do: 'start' }) {
    const library = load();
    const { path, adapter } = command.port;
    // A Z-Stack stick has just been looked at through its port; with the others the library is slow to say so.
    const holder = adapter === 'zstack' ? null : await use.lockHolder(path, process.pid);
    if (holder !== null) throw portInUse(path, holder);
    host = createNetworkHost({ library, clock, wallClock, guard, emit });
    try {
      return await host.start(command);
    } catch (error) {
      // The library's own lock outlives a start that failed.
      if ((await use.denial(path, process.pid)) === 'EBUSY') throw portInUse(path, await use.lockHolder(path, process.pid));
      throw error;
    }
  }

  async function stop(): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    await host?.stop();
    end(0);
  }

  function carryOut(command: Command): unknown {
    if (command.do === 'look') return look(command);
    if (command.do === 'load') return void load();
    if (command.do === 'start') return start(command);
    if (command.do === 'stop') return stop();
    if (host === null) throw new ProcessFailure('not_started', 'the network is not started');
    switch (command.do) {
      case 'permit_join':
        return host.permitJoin(command.seconds);
      case 'remove':
        return host.remove(command.address);
      case 'send_away':
        return host.sendAway(command.address, command.networkAddress);
      case 'interview':
        return host.interview(command.address);
      case 'ping':
        return host.ping(command.address);
      case 'save':
        return host.save();
      case 'check':
        return host.check();
      case 'map':
        return host.map();
      case 'trace':
        return host.trace(command.on);
    }
  }

  async function answer({ id, ...command }: Request): Promise<void> {
    try {
      emit({ kind: 'answer', id, ok: true, value: (await carryOut(command)) ?? null });
    } catch (error) {
      emit({ kind: 'answer', id, ok: false, code: failureOf(command, error), message: reasonOf(error) });
      // A start that failed leaves the port open and locked: the end of the process frees it.
      if (command.do === 'start') {
        isStopping = true;
        end(0);
      }
    }
  }

  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // The agent stops its buses itself; a signal for the whole service comes to every process of it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  output.on('error', () => process.exit(0));
  process.stdin.setEncoding('utf8');
  process.stdin.on('error', () => process.exit(0));
  process.stdin.on('end', () => isStopping || process.exit(0));
  process.stdin.on(
    'data',
    createLineSplitter(MAX_COMMAND, (line) => {
      const request = JSON.parse(line) as Request;
      if (request.v !== PROTOCOL_VERSION) throw new Error('the agent speaks another version of the protocol');
      void answer(request);
    }),
  );
  const alive = () => {
    emit({ kind: 'alive' });
    clock.schedule(ALIVE_MS, alive);
  };
  emit({ kind: 'hello', version: PROTOCOL_VERSION });
  alive();
}

main();
