import type { MonotonicClock } from '../../../agent/system/clock.ts';

/** A clock that a test moves by hand. What is due at once runs by itself, so that packets flow without a push. */
export interface ManualClock extends MonotonicClock {
  /** Runs everything that falls due within the next `ms`, in order. */
  advance(ms: number): void;
}

interface Timer {
  dueMs: number;
  run: () => void;
}

export function createManualClock(): ManualClock {
  const timers = new Set<Timer>();
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      if (delayMs <= 0) {
        const immediate = setImmediate(run);
        return () => clearImmediate(immediate);
      }
      const timer = { dueMs: nowMs + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = [...timers].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (!next) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = endMs;
    },
  };
}
