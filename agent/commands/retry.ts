import { type MonotonicClock, sleep } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';

/** Pause before a failed read or delivery is tried again while the link stands, doubled up to the maximum. */
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;

/** Waits before attempt number `attempt` (from 0); jittered, doubled with each; ends at once with the signal. */
export type RetryPause = (attempt: number, signal: AbortSignal) => Promise<void>;

export function createRetryPause({ clock, entropy }: { clock: MonotonicClock; entropy: Entropy }): RetryPause {
  return (attempt, signal) => sleep(clock, Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** attempt) * (0.5 + entropy.unit() / 2), signal);
}
