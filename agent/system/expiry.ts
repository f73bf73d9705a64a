import type { Cancel, MonotonicClock, WallClock } from './clock.ts';
import type { Log } from './log.ts';
import type { ClockTrust } from './trusted-clock.ts';

/** Follows how long the hub's certificate still lasts. */
export interface ExpiryWatch {
  start(): void;
  stop(): void;
}

export interface ExpiryWatchDeps {
  expiresAtMs: number;
  clockTrusted: ClockTrust;
  wallClock: WallClock;
  clock: MonotonicClock;
  log: Log;
  /** What the reported state shows of the certificate: its end while that is near, else nothing. */
  report(certificate: { expiresAt: string } | undefined): void;
}

/** Time to renew a certificate in a fleet. */
export const EXPIRES_SOON_DAYS = 30;
const DAY_MS = 86_400_000;
/** A clock that is not set yet is looked at again so often. */
const CLOCK_MS = 60_000;

/**
 * Looks once a day. Within 30 days of its end it is reported in the log (a warning, and an error in the last week) and in the reported state; after a
 * change of the certificate that goes again. Without a trusted clock nothing is reported.
 */
export function createExpiryWatch(deps: ExpiryWatchDeps): ExpiryWatch {
  const { expiresAtMs, clockTrusted, wallClock, clock, log, report } = deps;
  const expiresAt = new Date(expiresAtMs).toISOString();
  let cancel: Cancel = () => {};

  function look(): void {
    if (!clockTrusted()) {
      cancel = clock.schedule(CLOCK_MS, look);
      return;
    }
    const days = Math.floor((expiresAtMs - wallClock.nowMs()) / DAY_MS);
    const soon = days < EXPIRES_SOON_DAYS;
    report(soon ? { expiresAt } : undefined);
    if (soon) {
      const words = days < 0 ? 'the certificate has expired' : `the certificate expires in ${days} days: install a new one`;
      log[days < 7 ? 'error' : 'warn']({ event: 'certificate_expires', days, expiresAt }, words);
    }
    cancel = clock.schedule(DAY_MS, look);
  }

  return {
    start: look,
    stop: () => cancel(),
  };
}
