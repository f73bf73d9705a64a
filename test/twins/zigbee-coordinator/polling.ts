import type { MonotonicClock } from '../../../agent/system/clock.ts';

/** How a device that sleeps asks its parent for frames. Milliseconds. */
export interface PollingOptions {
  /** While it expects something: after joining, after sending, when a host asks for it. Default 250. */
  shortPollMs?: number;
  /** Else. Longer than the seven seconds of a parent's memory means: only by luck. Default 30,000. */
  longPollMs?: number;
  /** It stays awake so long after joining. Default 60,000. */
  awakeMs?: number;
  /** Its check-in (poll control cluster), once a host has bound it. Default one hour. */
  checkInMs?: number;
}

export interface Polling {
  readonly settings: Required<PollingOptions>;
  /** Polls fast for so long. */
  stayAwake(forMs: number): void;
  sleep(): void;
  nextPollMs(): number;
}

/** After it sent something a device asks so long for an answer. */
export const AFTER_SENDING_MS = 1_000;

export function createPolling(clock: MonotonicClock, options: PollingOptions): Polling {
  const settings = { shortPollMs: 250, longPollMs: 30_000, awakeMs: 60_000, checkInMs: 3_600_000, ...options };
  let awakeUntilMs = 0;
  let sleptMs = clock.nowMs();
  return {
    settings,
    stayAwake(forMs) {
      awakeUntilMs = Math.max(awakeUntilMs, clock.nowMs() + forMs);
      sleptMs = awakeUntilMs;
    },
    sleep() {
      awakeUntilMs = 0;
      sleptMs = clock.nowMs();
    },
    nextPollMs() {
      const nowMs = clock.nowMs();
      if (nowMs < awakeUntilMs) return nowMs + settings.shortPollMs - (nowMs % settings.shortPollMs);
      const polls = Math.floor((nowMs - sleptMs) / settings.longPollMs) + 1;
      return sleptMs + polls * settings.longPollMs;
    },
  };
}
