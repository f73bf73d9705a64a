import type { Cancel, MonotonicClock, WallClock } from './clock.ts';
import type { Log } from './log.ts';

/** Follows how long the hub's certificate still lasts. */
export interface ExpiryWatch {
  start(): void;
  stop(): void;
}

/** Time to renew a certificate in a fleet. */
export const EXPIRES_SOON_DAYS = 30;
const DAY_MS = 86_400_000;

/** Looks once a day, and says in the log that the certificate ends within 30 days: a warning, and an error in the last week. */
export function createExpiryWatch(deps: { expiresAtMs: number; wallClock: WallClock; clock: MonotonicClock; log: Log }): ExpiryWatch {
  const { expiresAtMs, wallClock, clock, log } = deps;
  let cancel: Cancel = () => {};

  function look(): void {
    const days = Math.floor((expiresAtMs - wallClock.nowMs()) / DAY_MS);
    if (days < EXPIRES_SOON_DAYS) {
      const fields = { event: 'certificate_expires', days, expiresAt: new Date(expiresAtMs).toISOString() };
      const words = days < 0 ? 'the certificate has expired' : `the certificate expires in ${days} days: install a new one`;
      log[days < 7 ? 'error' : 'warn'](fields, words);
    }
    cancel = clock.schedule(DAY_MS, look);
  }

  return {
    start: look,
    stop: () => cancel(),
  };
}
