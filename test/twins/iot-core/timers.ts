import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';

/** Timers that survive a stop of the broker: they keep their deadline, and what fell due meanwhile runs at the next start. */
export interface Timers {
  schedule(delayMs: number, run: () => void): Cancel;
  /** Arms nothing any more until `resume`. */
  suspend(): void;
  resume(): void;
}

interface Timer {
  readonly deadlineMs: number;
  readonly run: () => void;
  cancel: Cancel | null;
}

/** Starts suspended. */
export function createTimers(clock: MonotonicClock): Timers {
  const timers = new Set<Timer>();
  let running = false;

  function arm(timer: Timer): void {
    timer.cancel = clock.schedule(Math.max(0, timer.deadlineMs - clock.nowMs()), () => {
      timers.delete(timer);
      timer.run();
    });
  }

  return {
    schedule(delayMs, run) {
      const timer: Timer = { deadlineMs: clock.nowMs() + delayMs, run, cancel: null };
      timers.add(timer);
      if (running) arm(timer);
      return () => {
        timers.delete(timer);
        timer.cancel?.();
      };
    },
    suspend() {
      running = false;
      for (const timer of timers) timer.cancel?.();
    },
    resume() {
      if (running) return;
      running = true;
      for (const timer of [...timers].sort((a, b) => a.deadlineMs - b.deadlineMs)) arm(timer);
    },
  };
}
