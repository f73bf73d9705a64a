import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';

/** A timer may be this late: the last stretch is waited for by turning the event loop. */
const TIMER_SLACK_MS = 2;

/**
 * The process's monotonic clock with timers exact to tens of microseconds: the last 2 ms are spent turning the event loop, which keeps
 * serving others but takes a whole core while something is scheduled. For benchmarks.
 */
export function createPreciseClock(): MonotonicClock {
  return {
    nowMs: () => performance.now(),
    schedule(delayMs, run): Cancel {
      const dueMs = performance.now() + delayMs;
      let cancelled = false;
      let timer: NodeJS.Timeout | undefined;
      const turn = (): void => {
        if (cancelled) return;
        if (performance.now() >= dueMs) run();
        else setImmediate(turn);
      };
      if (delayMs > TIMER_SLACK_MS) timer = setTimeout(turn, delayMs - TIMER_SLACK_MS);
      else setImmediate(turn);
      return () => {
        cancelled = true;
        clearTimeout(timer);
      };
    },
  };
}
