import type { MonotonicClock } from '../../system/clock.ts';
import { type Frame, MAX_FRAME_BYTES } from './frame.ts';
import { createFrameParser } from './parser.ts';
import { type OsdpTimings, wireMs } from './timings.ts';

/** One request and how long to wait for its answer. */
export interface Request {
  bytes: Buffer;
  address: number;
  /** From the end of the request on the wire to the first byte of the answer. */
  windowMs: number;
  /** Decides whether a frame from this address answers this request or an earlier one. */
  answers(frame: Frame): boolean;
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
  /** Sends and waits. Resolves always. A second call before the first ended is a bug and throws. */
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
  write(bytes: Buffer): void;
  /** A good reply that nobody waited for: the late frame of a PD that was given up. */
  onStray(frame: Frame): void;
}

/** A timer that fires later than this shows a stalled process: the answer may already wait in the kernel. */
const STALL_MS = 5;
/** The most that a stall extends a wait. */
const MAX_STALL_GRACE_MS = 100;

interface Transaction {
  request: Request;
  sentEndMs: number;
  /** When to give up unless more bytes come. */
  deadlineMs: number;
  /** Never later than this, whatever comes: a jabbering device holds the line no longer. */
  limitMs: number;
  firstByteMs: number | null;
  /** How many bytes of the request came back so far as the echo of a two-wire line; -1 when there is none. */
  echoed: number;
  /** When what looks like the echo began: an answer may begin with the same mark. */
  echoMs: number | null;
  graced: boolean;
  stray: boolean;
  noiseBefore: number;
  finish(outcome: Outcome): void;
}

export function createLine({ baudRate, clock, timings, write, onStray }: LineDeps): Line {
  const parser = createFrameParser();
  const longestFrameMs = wireMs(MAX_FRAME_BYTES, baudRate) + timings.interByteGapMs;
  let current: Transaction | null = null;
  let cancelTimer = () => {};
  let down = false;

  const finish = (transaction: Transaction, outcome: Outcome) => {
    cancelTimer();
    current = null;
    transaction.finish(outcome);
  };

  const take = (frame: Frame, nowMs: number) => {
    const transaction = current;
    if (!frame.reply) return; // the echo of a two-wire line
    if (transaction && frame.address === transaction.request.address && transaction.request.answers(frame)) {
      const firstByteMs = Math.max(0, (transaction.firstByteMs ?? nowMs) - transaction.sentEndMs);
      finish(transaction, { kind: 'reply', frame, firstByteMs });
      return;
    }
    if (transaction) {
      transaction.stray = true;
      transaction.firstByteMs = null;
      transaction.deadlineMs = Math.max(transaction.deadlineMs, nowMs + transaction.request.windowMs);
    }
    onStray(frame);
  };

  /** Takes the echo of the request out of what arrived. What only looked like it is given back. */
  const withoutEcho = (transaction: Transaction, bytes: Uint8Array): Uint8Array => {
    const sent = transaction.request.bytes;
    if (transaction.echoed < 0 || transaction.echoed >= sent.length) return bytes;
    let count = 0;
    while (count < bytes.length && transaction.echoed + count < sent.length && bytes[count] === sent[transaction.echoed + count]) count++;
    const matched = transaction.echoed + count;
    if (count > 0) transaction.echoMs ??= clock.nowMs();
    if (count === bytes.length || matched === sent.length) {
      transaction.echoed = matched;
      return bytes.subarray(count);
    }
    const before = sent.subarray(0, transaction.echoed);
    transaction.echoed = -1;
    if (before.length > 0) transaction.firstByteMs = transaction.echoMs;
    return before.length === 0 ? bytes : Buffer.concat([before, bytes]);
  };

  const expire = () => {
    const transaction = current;
    if (!transaction) return;
    const nowMs = clock.nowMs();
    const dueMs = Math.min(transaction.deadlineMs, transaction.limitMs);
    if (nowMs < dueMs) {
      cancelTimer = clock.schedule(Math.ceil(dueMs - nowMs), expire);
      return;
    }
    // After a stall a timer may fire before a read that is already pending: let the event loop poll once more before declaring silence.
    if (!transaction.graced && nowMs < transaction.limitMs) {
      transaction.graced = true;
      const lateMs = nowMs - dueMs;
      cancelTimer = clock.schedule(lateMs > STALL_MS ? Math.min(lateMs, MAX_STALL_GRACE_MS) : 0, expire);
      return;
    }
    for (const frame of parser.flush()) {
      take(frame, nowMs);
      if (current !== transaction) return;
    }
    const noise = parser.noiseBytes !== transaction.noiseBefore;
    finish(transaction, { kind: 'silent', heard: noise ? 'noise' : transaction.stray ? 'stray' : 'nothing' });
  };

  return {
    transact(request) {
      if (current) throw new Error('a transaction is already running on this line');
      if (down) return Promise.resolve({ kind: 'down' });
      return new Promise((finish) => {
        const nowMs = clock.nowMs();
        for (const frame of parser.flush()) take(frame, nowMs);
        const sentEndMs = nowMs + wireMs(request.bytes.length, baudRate);
        const deadlineMs = sentEndMs + request.windowMs;
        const limitMs = deadlineMs + request.windowMs + longestFrameMs;
        const noiseBefore = parser.noiseBytes;
        const echoed = 0;
        current = {
          request,
          sentEndMs,
          deadlineMs,
          limitMs,
          firstByteMs: null,
          echoed,
          echoMs: null,
          graced: false,
          stray: false,
          noiseBefore,
          finish,
        };
        cancelTimer = clock.schedule(Math.ceil(deadlineMs - nowMs), expire);
        write(request.bytes);
      });
    },

    receive(bytes) {
      const nowMs = clock.nowMs();
      const transaction = current;
      const heard = transaction ? withoutEcho(transaction, bytes) : bytes;
      if (transaction) {
        transaction.graced = false;
        const echoComplete = transaction.echoed === transaction.request.bytes.length;
        if (heard.length > 0) transaction.firstByteMs ??= nowMs;
        if (heard.length > 0 || !echoComplete) transaction.deadlineMs = Math.max(transaction.deadlineMs, nowMs + timings.interByteGapMs);
        else transaction.deadlineMs = transaction.sentEndMs + transaction.request.windowMs;
      }
      for (const frame of parser.push(heard)) take(frame, nowMs);
    },

    fail() {
      down = true;
      if (current) finish(current, { kind: 'down' });
    },
  };
}
