import type { Cancel, MonotonicClock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Notify } from './notify.ts';

/** Proofs of progress that the watchdog's sign of life hangs on. */
export interface Watchdog {
  start(): void;
  stop(): void;
  /** Adds a condition: the sign of life is given only while it answers true. */
  require(name: string, isAlive: () => boolean): void;
}

/**
 * A condition for what is only known by trying, such as the disk: one trial at a time, a new one with each question. Alive while the trial in hand
 * is younger than `limitMs`; a trial that fails has ended, which is all that counts.
 */
export function createProbe(deps: { clock: MonotonicClock; limitMs: number; attempt: () => Promise<unknown> }): () => boolean {
  const { clock, limitMs, attempt } = deps;
  let sinceMs: number | null = null;
  const ended = () => {
    sinceMs = null;
  };
  return () => {
    if (sinceMs !== null) return clock.nowMs() - sinceMs < limitMs;
    sinceMs = clock.nowMs();
    attempt().then(ended, ended);
    return true;
  };
}

/** Three signs in a period: one may be late. */
const SIGNS_PER_PERIOD = 3;

/**
 * The service's side of systemd's watchdog (`WatchdogSec=`). Its timer runs on the event loop, so a blocked loop gives no sign; what can hang
 * without blocking the loop is added with `require`.
 */
export function createWatchdog(deps: { notify: Notify; clock: MonotonicClock; log: Log }): Watchdog {
  const { notify, clock, log } = deps;
  const conditions = new Map<string, () => boolean>();
  let cancel: Cancel = () => {};

  function beat(periodMs: number): void {
    const stuck = [...conditions].filter(([, isAlive]) => !isAlive()).map(([name]) => name);
    if (stuck.length === 0) notify.alive();
    else log.error({ event: 'watchdog_withheld', stuck }, 'no progress: the watchdog gets no sign of life');
    cancel = clock.schedule(periodMs / SIGNS_PER_PERIOD, () => beat(periodMs));
  }

  return {
    start() {
      if (notify.watchdogMs !== null) beat(notify.watchdogMs);
    },
    stop: () => cancel(),
    require(name, isAlive) {
      conditions.set(name, isAlive);
    },
  };
}
