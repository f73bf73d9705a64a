import type { MonotonicClock } from '../../agent/system/clock.ts';

/** A clock that stands still until a test moves it. */
export interface SteppedClock extends MonotonicClock {
  /** Runs what falls due in the next `byMs`, in order, each at its own time; promises settle after each timer. */
  advance(byMs: number): Promise<void>;
  /** The same at once, for code without promises. */
  step(byMs: number): void;
  /** Moves on, timer by timer, until `condition` holds; throws when it does not within `withinMs`. Answers the time it took. */
  until(condition: () => boolean, withinMs: number): Promise<number>;
  /** Moves on, timer by timer, until the promise settles, and answers as it does; throws when it does not settle within `withinMs`. */
  settle<T>(promise: Promise<T>, withinMs: number): Promise<T>;
  /** The process stands still: time passes, nothing runs. */
  stall(byMs: number): void;
  /** How many timers wait. */
  readonly timers: number;
}

interface Timer {
  dueMs: number;
  run: () => void;
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `zeroDelays: 'immediate'`: what is due at once runs by itself in the next turn, so that packets flow without a push. */
export function createSteppedClock(options: { startMs?: number; zeroDelays?: 'stepped' | 'immediate' } = {}): SteppedClock {
  const { startMs = 0, zeroDelays = 'stepped' } = options;
  let nowMs = startMs;
  /** In the order of their making, which is the order of those that are due at the same time. */
  const timers = new Set<Timer>();

  function next(): Timer | null {
    let first: Timer | null = null;
    for (const timer of timers) if (!first || timer.dueMs < first.dueMs) first = timer;
    return first;
  }

  /** Runs the next timer that is due by then; false when there is none. */
  function fire(untilMs: number): boolean {
    const timer = next();
    if (!timer || timer.dueMs > untilMs) return false;
    timers.delete(timer);
    nowMs = Math.max(nowMs, timer.dueMs);
    timer.run();
    return true;
  }

  async function until(condition: () => boolean, withinMs: number): Promise<number> {
    const fromMs = nowMs;
    await settled();
    while (!condition()) {
      if (!fire(fromMs + withinMs)) throw new Error(`not within ${withinMs} ms (${timers.size} timers wait)`);
      await settled();
    }
    return nowMs - fromMs;
  }

  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      if (delayMs <= 0 && zeroDelays === 'immediate') {
        const immediate = setImmediate(run);
        return () => clearImmediate(immediate);
      }
      const timer = { dueMs: nowMs + Math.max(0, delayMs), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(byMs) {
      const untilMs = nowMs + byMs;
      await settled();
      while (fire(untilMs)) await settled();
      nowMs = Math.max(nowMs, untilMs);
    },
    step(byMs) {
      const untilMs = nowMs + byMs;
      while (fire(untilMs));
      nowMs = Math.max(nowMs, untilMs);
    },
    until,
    async settle(promise, withinMs) {
      let done = false;
      const note = () => {
        done = true;
      };
      promise.then(note, note);
      await until(() => done, withinMs);
      return promise;
    },
    stall(byMs) {
      nowMs += byMs;
    },
    get timers() {
      return timers.size;
    },
  };
}
