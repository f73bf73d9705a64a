import type { MonotonicClock } from '../../../system/clock.ts';

/** A PD that kept sending is waited for after this many more answers. */
const WATCHED_ANSWERS = 32;
/**
 * The line is quiet when nothing came for so long: three bytes at 9600 baud, and a timer's own grain. The next ones are for a PD that talks on all the
 * same: a second one has its address and answers later.
 */
const QUIET_MS: readonly number[] = [5, 20, 60];

/** Remembers PDs that keep sending after their answer, so that the next request is not disturbed. */
export interface BabbleGuard {
  /** Bytes arrived. */
  heard(): void;
  /** This PD was sending while the next request was on the wire. */
  blame(address: number): void;
  isWatched(address: number): boolean;
  /** Resolves when the line is quiet, at the latest after `limitMs`. A PD that was quiet often enough is no longer waited for. */
  quietAfter(address: number, limitMs: number): Promise<void>;
  /** The line is gone: ends a wait at once. */
  end(): void;
}

export function createBabbleGuard(clock: MonotonicClock): BabbleGuard {
  const watched = new Map<number, { left: number; level: number }>();
  let heardMs = Number.NEGATIVE_INFINITY;
  let endWait = () => {};

  return {
    heard() {
      heardMs = clock.nowMs();
    },
    blame(address) {
      const level = Math.min((watched.get(address)?.level ?? -1) + 1, QUIET_MS.length - 1);
      watched.set(address, { left: WATCHED_ANSWERS, level });
    },
    isWatched: (address) => watched.has(address),

    quietAfter(address, limitMs) {
      const { left: before, level } = watched.get(address) ?? { left: 1, level: 0 };
      const startMs = clock.nowMs();
      const answeredMs = heardMs;
      return new Promise((resolve) => {
        let cancel = () => {};
        endWait = () => {
          cancel();
          resolve();
        };
        const look = () => {
          const nowMs = clock.nowMs();
          const waitMs = heardMs + QUIET_MS[level]! - nowMs;
          if (waitMs > 0 && nowMs - startMs < limitMs) {
            cancel = clock.schedule(Math.ceil(waitMs), look);
            return;
          }
          const left = heardMs > answeredMs ? WATCHED_ANSWERS : before - 1;
          if (left > 0) watched.set(address, { left, level });
          else watched.delete(address);
          resolve();
        };
        look();
      });
    },

    end: () => endWait(),
  };
}
