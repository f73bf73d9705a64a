/** The time of day. It may jump (NTP, a board without a battery): use it for timestamps only, never for deadlines. */
export interface WallClock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

/** Cancels a scheduled call; calling it again, or after the call ran, does nothing. */
export type Cancel = () => void;

/** Time that only moves forward: deadlines, intervals and timers. */
export interface MonotonicClock {
  /** Milliseconds since an arbitrary start. */
  nowMs(): number;
  /** Calls `run` once after `delayMs` (0 or more). The timer keeps the process alive until it ran or was cancelled. */
  schedule(delayMs: number, run: () => void): Cancel;
}

/** The system's time of day. */
export function createWallClock(): WallClock {
  return { nowMs: () => Date.now() };
}

/** The process's monotonic clock with Node's timers. */
export function createMonotonicClock(): MonotonicClock {
  return {
    // `performance.now` costs a start the loading of `node:perf_hooks`.
    nowMs() {
      const [seconds, nanoseconds] = process.hrtime();
      return seconds * 1_000 + nanoseconds / 1_000_000;
    },
    schedule(delayMs, run) {
      const timer = setTimeout(run, Math.max(0, delayMs));
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or at once (without an error) when `signal` aborts: callers look at the signal. */
export function sleep(clock: MonotonicClock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
