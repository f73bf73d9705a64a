import type { MonotonicClock } from '../../../agent/system/clock.ts';

/** A clock that moves only when told, and lets promises settle after each timer. */
export interface SteppedClock extends MonotonicClock {
  /** Runs what falls due in the next `byMs`, in order, each at its own time. */
  advance(byMs: number): Promise<void>;
  /** Moves on until `condition` holds; throws when it does not within `withinMs`. Answers the time it took. */
  until(condition: () => boolean, withinMs: number): Promise<number>;
  /** The process stands still: time passes, nothing runs. */
  stall(byMs: number): void;
  /** How many timers wait. */
  readonly timers: number;
}

interface Timer {
  dueMs: number;
  order: number;
  run: () => void;
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function createSteppedClock(): SteppedClock {
  let nowMs = 0;
  let order = 0;
  const timers = new Set<Timer>();

  const next = (): Timer | null => {
    let first: Timer | null = null;
    for (const timer of timers) {
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer;
    }
    return first;
  };

  const step = async (untilMs: number): Promise<boolean> => {
    const timer = next();
    if (!timer || timer.dueMs > untilMs) return false;
    timers.delete(timer);
    nowMs = Math.max(nowMs, timer.dueMs);
    timer.run();
    await settled();
    return true;
  };

  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), order: order++, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(byMs) {
      const untilMs = nowMs + byMs;
      await settled();
      while (await step(untilMs));
      nowMs = Math.max(nowMs, untilMs);
    },
    async until(condition, withinMs) {
      const startMs = nowMs;
      await settled();
      while (!condition()) {
        if (!(await step(startMs + withinMs))) throw new Error(`not within ${withinMs} ms`);
      }
      return nowMs - startMs;
    },
    stall(byMs) {
      nowMs += byMs;
    },
    get timers() {
      return timers.size;
    },
  };
}
