import type { MonotonicClock } from '../../../agent/system/clock.ts';

/** A clock that stands still until it is moved: lines and panels run on it in no time at all. */
export interface VirtualClock extends MonotonicClock {
  /** Runs everything that falls due in the next `byMs`, in order, each at its own time. */
  advance(byMs: number): void;
}

export function createVirtualClock(startMs = 0): VirtualClock {
  let nowMs = startMs;
  let timers: { dueMs: number; run: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance(byMs) {
      const untilMs = nowMs + byMs;
      for (;;) {
        const [next] = timers.filter((one) => one.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
        if (!next) break;
        timers = timers.filter((one) => one !== next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = untilMs;
    },
  };
}
