import type { Poller } from '@serialport/bindings-cpp/dist/poller.js';
import type { BusFailure } from '../../../contract/node.ts';
import type { Cancel, MonotonicClock } from '../../../system/clock.ts';
import { createDescriptorCalls, type DescriptorCalls } from '../../../system/descriptor.ts';
import { messageOf } from '../../../system/errors.ts';
import type { Guard } from '../../../system/guard.ts';
import { wireMs } from '../bus/timings.ts';
import { MIN_FRAME_BYTES } from '../codec/frame.ts';

/** The kernel takes a frame at once unless its buffer is full; a write that waits this long is stuck. */
const STALLED_WRITE_MS = 2_000;
/** More than the kernel keeps of a line (N_TTY_BUF_SIZE). */
const READ_BYTES = 4096;
/** libuv's events. */
const READABLE = 1;
const WRITABLE = 2;

/** A timer fires up to so much late; the last byte of the shortest answer must not wait for it. */
const TIMER_GRAIN_MS = 1;

/** Reads and writes of a descriptor that is open with O_NONBLOCK. */
export interface DescriptorIo {
  start(): void;
  /** Writes at once what the kernel takes, and the rest when it takes more. Never throws. */
  write(bytes: Uint8Array): void;
  /** What comes waits in the kernel until `take()`. */
  hold(): void;
  /** Ends a hold, and reads at once what is there. */
  take(): void;
  /** Ends all reads, writes and callbacks. */
  end(): void;
}

/** What is asked of the library's poller: the next event of each kind that was asked for, once. */
export type DescriptorPoller = Pick<Poller, 'poll' | 'on'>;

export interface DescriptorIoDeps {
  fd: number;
  poller: DescriptorPoller;
  clock: MonotonicClock;
  /** Bits a second on the line. */
  baudRate: number;
  guard: Guard;
  onData(bytes: Buffer): void;
  /** The port can be used no more. */
  onLost(reason: BusFailure, detail: string): void;
  /** Default: the system's. */
  calls?: DescriptorCalls;
}

/** Nothing is there, or nothing is taken, now. */
const isForLater = (error: unknown) => ['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '');

export function createDescriptorIo(deps: DescriptorIoDeps): DescriptorIo {
  const { fd, poller, clock, baudRate, guard, onData, onLost, calls = createDescriptorCalls() } = deps;
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let ended = false;
  /** What the kernel has not taken yet, and since when the oldest of it waits. */
  let unsent: Uint8Array = Buffer.alloc(0);
  let waitingSinceMs: number | null = null;
  let held = false;
  /** Nothing was read since the last write. */
  let awaitsFirst = false;
  let cancelRest: Cancel = () => {};

  function lose(reason: BusFailure, detail: string): void {
    if (ended) return;
    ended = true;
    cancelRest();
    onLost(reason, detail);
  }

  function watch(): void {
    if (ended) return;
    try {
      poller.poll((held ? 0 : READABLE) | (waitingSinceMs === null ? 0 : WRITABLE));
    } catch (error) {
      lose('lost', `failed: ${messageOf(error)}`);
    }
  }

  /**
   * On a slow line each byte would wake the process. After the first bytes of an answer it sleeps for as long as the shortest answer still needs,
   * and reads those at once (npm run bench -- idle).
   */
  function watchAfter(length: number): void {
    const missing = awaitsFirst ? Math.max(0, MIN_FRAME_BYTES - length) : 0;
    awaitsFirst = false;
    const restMs = Math.floor(wireMs(missing, baudRate)) - TIMER_GRAIN_MS;
    if (restMs < 1) watch();
    else cancelRest = clock.schedule(restMs, guard('serial port', watch));
  }

  /** What is there; null: nothing now, or never again. */
  function readNow(): number | null {
    try {
      const length = calls.read(fd, buffer);
      // A terminal gives no bytes only after it was hung up (VMIN is 1).
      if (length > 0) return length;
      lose('lost', 'went away: end of file');
    } catch (error) {
      if (!isForLater(error)) lose('lost', `went away: ${messageOf(error)}`);
    }
    return null;
  }

  function onReadable(error: unknown): void {
    if (ended || held) return;
    if (error) lose('lost', `went away: ${messageOf(error)}`);
    else {
      const length = readNow();
      if (length === null) watch();
      else watchAfter(length);
      if (length !== null) onData(Buffer.from(buffer.subarray(0, length)));
    }
  }

  function flush(): void {
    let taken = 0;
    try {
      taken = calls.write(fd, unsent);
    } catch (error) {
      if (!isForLater(error)) lose('lost', `went away: ${messageOf(error)}`);
    }
    if (taken === unsent.length) waitingSinceMs = null;
    else {
      // A copy: the caller may use its buffer again.
      unsent = Buffer.from(unsent.subarray(taken));
      waitingSinceMs ??= clock.nowMs();
      watch();
    }
  }

  return {
    start() {
      poller.on('readable', guard('serial port', onReadable));
      poller.on(
        'writable',
        guard('serial port', (error: unknown) => {
          if (!ended && !error && waitingSinceMs !== null) flush();
        }),
      );
      watch();
    },

    write(bytes) {
      if (ended) return;
      awaitsFirst = true;
      if (waitingSinceMs === null) {
        unsent = bytes;
        flush();
      } else if (clock.nowMs() - waitingSinceMs > STALLED_WRITE_MS) lose('stalled', 'takes no more bytes');
      else unsent = Buffer.concat([unsent, bytes]);
    },

    hold() {
      held = true;
      cancelRest();
      watch();
    },

    take() {
      if (!held) return;
      held = false;
      onReadable(null);
    },

    end() {
      ended = true;
      cancelRest();
    },
  };
}
