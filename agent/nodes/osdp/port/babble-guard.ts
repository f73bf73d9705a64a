import type { MonotonicClock } from '../../../system/clock.ts';

/** A PD that went on after its answer is waited for after so many more answers. */
const WATCHED_ANSWERS = 32;
/** The line is quiet when nothing came for so long: three bytes at 9600 baud, and a timer's own grain. */
const QUIET_MS = 5;

/** Remembers PDs that talk on after their answer, so that the next one asked does not pay for it. */
export interface BabbleGuard {
  /** Bytes arrived. */
  heard(): void;
  /** This PD talked while the next request was on the wire. */
  blame(address: number): void;
  isWatched(address: number): boolean;
  /** Resolves when nobody talks any more, at the latest after `limitMs`; a PD that stayed quiet often enough is trusted again. */
  quietAfter(address: number, limitMs: number): Promise<void>;
  /** The line is gone: ends a wait at once. */
  end(): void;
}

export function createBabbleGuard(clock: MonotonicClock): BabbleGuard {
  const watched = new Map<number, number>();
  let heardMs = Number.NEGATIVE_INFINITY;
  let endWait = () => {};

  return {
    heard() {
      heardMs = clock.nowMs();
    },
    blame(address) {
      watched.set(address, WATCHED_ANSWERS);
    },
    isWatched: (address) => watched.has(address),

    quietAfter(address, limitMs) {
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
          const waitMs = heardMs + QUIET_MS - nowMs;
          if (waitMs > 0 && nowMs - startMs < limitMs) {
            cancel = clock.schedule(Math.ceil(waitMs), look);
            return;
          }
          const left = heardMs > answeredMs ? WATCHED_ANSWERS : (watched.get(address) ?? 1) - 1;
          if (left > 0) watched.set(address, left);
          else watched.delete(address);
          resolve();
        };
        look();
      });
    },

    end: () => endWait(),
  };
}
