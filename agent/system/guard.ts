import type { MonotonicClock, WallClock } from './clock.ts';
import type { Log } from './log.ts';

/**
 * Wraps a function that is called from outside: by a library, a socket, a timer, a child process. What it throws, or the rejection of the
 * promise that it returns, is counted and logged, and goes no further: an exception there would end the process.
 * @param place a fixed name of the caller, such as `cloud message`; never made of what came in
 */
export type Guard = <A extends unknown[]>(place: string, run: (...args: A) => unknown) => (...args: A) => void;

/** The exceptions that were caught at one place since the start. */
export interface Fault {
  place: string;
  count: number;
  /** Of the last one, epoch milliseconds. */
  lastAt: number;
}

/** The guard of one agent, and what it caught. */
export interface Guards {
  guard: Guard;
  /** Most frequent first; empty on a healthy agent. */
  faults(): Fault[];
}

/** A fault that comes with each message must not wear out the flash. */
const LOG_INTERVAL_MS = 60_000;

export function createGuards(deps: { log: Log; clock: Pick<MonotonicClock, 'nowMs'>; wallClock: WallClock }): Guards {
  const { log, clock, wallClock } = deps;
  const faults = new Map<string, Fault & { loggedMs: number }>();

  function caught(place: string, error: unknown): void {
    const before = faults.get(place) ?? { count: 0, loggedMs: Number.NEGATIVE_INFINITY };
    const nowMs = clock.nowMs();
    const isLogged = nowMs - before.loggedMs >= LOG_INTERVAL_MS;
    const count = before.count + 1;
    faults.set(place, { place, count, lastAt: wallClock.nowMs(), loggedMs: isLogged ? nowMs : before.loggedMs });
    // What is thrown need not be an error, and the stack is what finds the bug.
    const err = error instanceof Error ? error : new Error(`not an error was thrown: ${typeof error}`);
    if (isLogged) log.error({ event: 'fault_caught', place, count, err }, 'an exception was caught; the agent goes on');
  }

  return {
    guard(place, run) {
      return (...args) => {
        try {
          const result = run(...args);
          if (result instanceof Promise) result.catch((error: unknown) => caught(place, error));
        } catch (error) {
          caught(place, error);
        }
      };
    },
    faults: () =>
      [...faults.values()].map(({ place, count, lastAt }) => ({ place, count, lastAt })).sort((one, other) => other.count - one.count),
  };
}

/** No guard: for programs that should end with the exception, such as tests, benchmarks and hubctl. */
export const unguarded: Guard =
  (_, run) =>
  (...args) =>
    void run(...args);

/** The clock with guarded timers. */
export function guardedClock(clock: MonotonicClock, guard: Guard): MonotonicClock {
  return { nowMs: () => clock.nowMs(), schedule: (delayMs, run) => clock.schedule(delayMs, guard('timer', run)) };
}
