import type { MonotonicClock } from '../../../system/clock.ts';
import { type OsdpTimings, wireMs } from '../bus/timings.ts';
import { type Frame, MAX_FRAME_BYTES } from '../codec/frame.ts';
import { createFrameParser } from '../codec/parser.ts';
import { createAnswerTimes } from './answer-times.ts';
import { createBabbleGuard } from './babble-guard.ts';
import { createEchoFilter, type EchoFilter } from './echo.ts';
import type { SerialConnection } from './port.ts';

/** One request and how long to wait for its answer. */
export interface Request {
  bytes: Buffer;
  address: number;
  /** From the end of the request on the wire to the first byte of the answer. */
  windowMs: number;
  /** Decides whether a frame from this address answers this request or an earlier one. */
  answers(frame: Frame): boolean;
  /** There is time to spare: the answer may be looked at when it should be complete, and `firstByteMs` then tells when that was. */
  unhurried?: boolean;
}

/** How a transaction ended. A transaction never ends in a guess. */
export type Outcome =
  /** `firstByteMs`: from the end of the request on the wire to the answer's first byte, 0 or more. */
  | { kind: 'reply'; frame: Frame; firstByteMs: number }
  /** No answer. What was heard instead: the late frame of another PD or an earlier answer (`stray`), or noise and torn frames. */
  | { kind: 'silent'; heard: 'nothing' | 'stray' | 'noise' }
  /** The port went away. */
  | { kind: 'down' };

/** A half-duplex line: one transaction at a time. */
export interface Line {
  /** Sends and waits. Resolves always, except that a second call before the first ended is a bug and rejects. */
  transact(request: Request): Promise<Outcome>;
  /** Bytes from the port. */
  receive(bytes: Uint8Array): void;
  /** The port went away: the running transaction and all later ones end as `down`. */
  fail(): void;
}

export interface LineDeps {
  baudRate: number;
  clock: MonotonicClock;
  timings: OsdpTimings;
  port: Pick<SerialConnection, 'write' | 'hold' | 'take'>;
  /** A valid reply outside of a transaction: the late frame of a PD whose window was over. */
  onStray(frame: Frame): void;
}

/** Silence is declared by two timers with a turn of the event loop in between: the first one fires so long before the second. */
const GRACE_MS = 1;
/** Timers fire up to this much early. */
const TIMER_GRAIN_MS = 1;
/** A timer that fires later than this shows a stalled process: the answer may already wait in the kernel. */
const STALL_MS = 5;
/** The most that a stall extends a wait. */
const MAX_STALL_GRACE_MS = 100;
/** An answer that is expected so shortly before the end of its window is watched for. */
const REST_MARGIN_MS = 10;

interface Transaction {
  request: Request;
  /** The PD that answered the last request, if nothing came after it. */
  previous: number | null;
  echo: EchoFilter;
  sentMs: number;
  /** When the last byte of the request has left, by the baud rate. */
  sentEndMs: number;
  /** When to give up unless more bytes come. */
  deadlineMs: number;
  /** The latest end of the transaction: a device that keeps sending does not hold the line longer. */
  limitMs: number;
  /** When the first byte of what is being heard came. */
  firstByteMs: number | null;
  /** Bytes come as they arrive; false: they wait in the kernel, or are looked at for the first time. */
  watched: boolean;
  /** The event loop polled once more since the deadline. */
  graced: boolean;
  stray: boolean;
  noiseBefore: number;
  finish(outcome: Outcome): void;
}

export function createLine({ baudRate, clock, timings, port, onStray }: LineDeps): Line {
  const parser = createFrameParser();
  const babble = createBabbleGuard(clock);
  const times = createAnswerTimes();
  const longestFrameMs = wireMs(MAX_FRAME_BYTES, baudRate) + timings.interByteGapMs;
  let current: Transaction | null = null;
  let lastAnswerer: number | null = null;
  let busy = false;
  let down = false;
  let cancelTimer = () => {};
  let noiseAtEnd = 0;

  const finish = (transaction: Transaction, outcome: Outcome) => {
    cancelTimer();
    current = null;
    if (outcome.kind !== 'reply' || transaction.stray || parser.noiseBytes !== noiseAtEnd) times.disturbed();
    noiseAtEnd = parser.noiseBytes;
    transaction.finish(outcome);
  };

  const take = (frame: Frame, nowMs: number) => {
    const transaction = current;
    if (!frame.reply) return; // an echo that the filter did not know
    if (transaction && frame.address === transaction.request.address && transaction.request.answers(frame)) {
      lastAnswerer = frame.address;
      times.answered(frame.address, nowMs - transaction.sentMs, !transaction.watched);
      finish(transaction, { kind: 'reply', frame, firstByteMs: Math.max(0, (transaction.firstByteMs ?? nowMs) - transaction.sentEndMs) });
      return;
    }
    if (transaction) {
      transaction.stray = true;
      transaction.firstByteMs = null;
      transaction.deadlineMs = Math.max(transaction.deadlineMs, nowMs + transaction.request.windowMs);
    } else times.disturbed();
    onStray(frame);
  };

  const expire = () => {
    const transaction = current;
    if (!transaction) return;
    const nowMs = clock.nowMs();
    const dueMs = Math.min(transaction.deadlineMs, transaction.limitMs);
    if (nowMs < dueMs - 2 * GRACE_MS) {
      cancelTimer = clock.schedule(dueMs - nowMs - GRACE_MS, expire);
      return;
    }
    // After a stall a timer may fire before a read that is already pending: let the event loop poll once more before declaring silence.
    if (!transaction.graced && nowMs < transaction.limitMs) {
      transaction.graced = true;
      const lateMs = nowMs - dueMs;
      cancelTimer = clock.schedule(lateMs > STALL_MS ? Math.min(lateMs, MAX_STALL_GRACE_MS) : Math.max(0, -lateMs), expire);
      return;
    }
    if (dueMs - nowMs > TIMER_GRAIN_MS) {
      cancelTimer = clock.schedule(dueMs - nowMs, expire);
      return;
    }
    for (const frame of parser.flush()) {
      take(frame, nowMs);
      if (current !== transaction) return;
    }
    const noise = parser.noiseBytes !== transaction.noiseBefore;
    finish(transaction, { kind: 'silent', heard: noise ? 'noise' : transaction.stray ? 'stray' : 'nothing' });
  };

  const watch = (transaction: Transaction, nowMs: number) => {
    transaction.watched = true;
    cancelTimer = clock.schedule(transaction.deadlineMs - nowMs - GRACE_MS, expire);
  };

  /** The answer should be complete: it is read at once, and watched for if it is not. */
  const look = () => {
    const transaction = current;
    port.take();
    if (transaction && current === transaction) watch(transaction, clock.nowMs());
  };

  const begin = (request: Request, previous: number | null) =>
    new Promise<Outcome>((resolve) => {
      const nowMs = clock.nowMs();
      for (const frame of parser.flush()) take(frame, nowMs);
      const sentEndMs = nowMs + wireMs(request.bytes.length, baudRate);
      const deadlineMs = sentEndMs + request.windowMs;
      current = {
        request,
        previous,
        echo: createEchoFilter(request.bytes),
        sentMs: nowMs,
        sentEndMs,
        deadlineMs,
        limitMs: deadlineMs + request.windowMs + longestFrameMs,
        firstByteMs: null,
        watched: false,
        graced: false,
        stray: false,
        noiseBefore: parser.noiseBytes,
        finish: resolve,
      };
      const restMs = request.unhurried ? times.restMs(request.address) : 0;
      if (restMs > 0 && restMs < deadlineMs - nowMs - REST_MARGIN_MS) {
        port.hold();
        cancelTimer = clock.schedule(restMs, look);
      } else watch(current, nowMs);
      port.write(request.bytes);
    });

  /** What arrived during a transaction, without its echo; moves the deadline. */
  const listen = (transaction: Transaction, bytes: Uint8Array, nowMs: number): Uint8Array => {
    const heard = transaction.echo.take(bytes);
    const { echo, request, previous } = transaction;
    transaction.graced = false;
    if (heard.length > 0 || echo.undecided) {
      transaction.firstByteMs ??= nowMs;
      transaction.deadlineMs = Math.max(transaction.deadlineMs, nowMs + timings.interByteGapMs);
    } else if (echo.complete) {
      transaction.firstByteMs = null;
      transaction.deadlineMs = transaction.sentEndMs + request.windowMs;
    }
    // No PD may send while a request is on the wire: the one that answered last has not ended yet.
    if (heard.length > 0 && nowMs < transaction.sentEndMs && previous !== null) babble.blame(previous);
    return heard;
  };

  return {
    async transact(request) {
      if (busy) throw new Error('a transaction is already running on this line');
      busy = true;
      const previous = lastAnswerer;
      lastAnswerer = null;
      if (previous !== null && babble.isWatched(previous)) await babble.quietAfter(previous, longestFrameMs);
      const outcome: Outcome = down ? { kind: 'down' } : await begin(request, previous);
      busy = false;
      return outcome;
    },

    receive(bytes) {
      const nowMs = clock.nowMs();
      babble.heard();
      const heard = current ? listen(current, bytes, nowMs) : bytes;
      for (const frame of parser.push(heard)) take(frame, nowMs);
    },

    fail() {
      down = true;
      babble.end();
      if (current) finish(current, { kind: 'down' });
    },
  };
}
