import type { MonotonicClock } from '../../../system/clock.ts';
import type { Log } from '../../../system/log.ts';
import type { Problem } from '../machine/machine.ts';

/** How often the network could not be started, and when the next attempt follows. */
export interface RetryState {
  /** Failed attempts since the network was last up. */
  attempts: number;
  /** Null: an attempt runs, or none is due. */
  nextAttemptSeconds: number | null;
}

/** Keeps the attempts visible while one and the same problem stays: it is logged again, ever more rarely. */
export interface Retries {
  /** An attempt failed; the next one follows after `pauseMs`. */
  failed(problem: Problem, pauseMs: number): void;
  /** The next attempt begins. */
  begun(): void;
  /** The network is up, or the bus stopped. */
  reset(): void;
  state(): RetryState;
}

/** Whoever follows the log for some minutes sees it, and a day has 30 lines at most. */
const FIRST_AGAIN_MS = 60_000;
const LONGEST_AGAIN_MS = 3_600_000;

export function createRetries({ clock, log }: { clock: MonotonicClock; log: Log }): Retries {
  let attempts = 0;
  let nextMs: number | null = null;
  let problem = '';
  let saidMs = 0;
  let againMs = FIRST_AGAIN_MS;

  function say({ reason, message }: Problem): void {
    const nowMs = clock.nowMs();
    if (message !== problem) {
      // The change itself is logged as the state of the bus.
      [problem, saidMs, againMs] = [message, nowMs, FIRST_AGAIN_MS];
    } else if (nowMs - saidMs >= againMs) {
      log.warn({ event: 'bus_unavailable', reason, attempts }, message);
      [saidMs, againMs] = [nowMs, Math.min(againMs * 2, LONGEST_AGAIN_MS)];
    }
  }

  return {
    failed(now, pauseMs) {
      attempts += 1;
      nextMs = clock.nowMs() + pauseMs;
      say(now);
    },
    begun() {
      nextMs = null;
    },
    reset() {
      [attempts, nextMs, problem] = [0, null, ''];
    },
    state: () => ({ attempts, nextAttemptSeconds: nextMs === null ? null : Math.max(0, Math.ceil((nextMs - clock.nowMs()) / 1000)) }),
  };
}
