import type { WallClock } from './clock.ts';

/** Whether the wall clock is good enough to validate certificates: the system calls it synchronised, or it is past the build. */
export type ClockTrust = () => boolean;

/** Synchronised is asked of the system, which takes a moment: the answer of the last question counts. */
export function createClockTrust(options: {
  synchronized(): Promise<boolean | null>;
  wallClock: WallClock;
  /** Milliseconds since the epoch. */
  builtAtMs: number;
}): ClockTrust {
  const { synchronized, wallClock, builtAtMs } = options;
  let last = false;
  return () => {
    void synchronized().then((answer) => {
      last = answer === true;
    });
    return last || wallClock.nowMs() >= builtAtMs;
  };
}
