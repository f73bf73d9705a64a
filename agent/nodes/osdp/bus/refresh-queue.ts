import type { MonotonicClock } from '../../../system/clock.ts';
import { HubError } from '../../../system/errors.ts';

interface Waiter {
  /** Passes that must still end: more than one while the baud rate is being looked for. */
  passes: number;
  settled: boolean;
  settle(error?: HubError): void;
}

/** Callers that wait for a scan pass. A pass serves the callers that came before it began. */
export interface RefreshQueue {
  /** @throws HubError `bus_unavailable`, `aborted`. */
  add(signal: AbortSignal): Promise<void>;
  waiting(): boolean;
  /** The waiters that the pass which begins now serves. */
  take(): Waiter[];
  /** A pass ended; it counts for `passes` of those that are needed. */
  resolve(waiters: Waiter[], passes: number): void;
  /** The pass was cut short: its waiters wait for the next one. */
  giveBack(waiters: Waiter[]): void;
  reject(message: string): void;
  /** Ends a pause: there is something else to do. */
  wake(): void;
  /** Waits until the time is over, a pass is requested, `wake` is called, or the signal aborts. */
  pause(clock: MonotonicClock, delayMs: number, signal: AbortSignal): Promise<void>;
}

/** `passesNeeded`: how many passes a new waiter needs; called when it begins to wait. */
export function createRefreshQueue(passesNeeded: () => number): RefreshQueue {
  let waiters = new Set<Waiter>();
  let wake = () => {};

  return {
    add(signal) {
      return new Promise<void>((resolve, reject) => {
        const abort = () => waiter.settle(new HubError('aborted', 'the scan was no longer wanted'));
        const waiter: Waiter = {
          passes: passesNeeded(),
          settled: false,
          settle(error) {
            waiter.settled = true;
            waiters.delete(waiter);
            signal.removeEventListener('abort', abort);
            if (error) reject(error);
            else resolve();
          },
        };
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        waiters.add(waiter);
        wake();
      });
    },

    waiting: () => waiters.size > 0,

    take() {
      const taken = [...waiters];
      waiters = new Set();
      return taken;
    },

    resolve(taken, passes) {
      for (const waiter of taken) {
        if (waiter.settled) continue;
        waiter.passes -= passes;
        if (waiter.passes <= 0) waiter.settle();
        else waiters.add(waiter);
      }
    },

    giveBack(taken) {
      for (const waiter of taken) if (!waiter.settled) waiters.add(waiter);
    },

    reject(message) {
      for (const waiter of [...waiters]) waiter.settle(new HubError('bus_unavailable', message));
    },

    wake: () => wake(),

    pause(clock, delayMs, signal) {
      return new Promise((resolve) => {
        if (signal.aborted || waiters.size > 0 || delayMs <= 0) return resolve();
        const done = () => {
          cancel();
          signal.removeEventListener('abort', done);
          wake = () => {};
          resolve();
        };
        const cancel = clock.schedule(delayMs, done);
        signal.addEventListener('abort', done, { once: true });
        wake = done;
      });
    },
  };
}
