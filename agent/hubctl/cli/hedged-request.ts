import type { MonotonicClock } from '../../system/clock.ts';
import { within } from '../../system/timeout.ts';
import type { AgentError } from './client.ts';

/** An agent that is well answers by then; the rest is looked at without waiting for one that hangs. */
export const HEAD_START_MS = 300;
/** For systemd and its journal behind a screen: they have nothing to wait for. */
export const QUICK_HELPER_MS = 1_200;

/**
 * Begins something else as soon as the agent has failed, or has not answered for a moment: it takes as long as the agent may, not as long
 * after it. Null when the agent answered in time, and nothing was begun.
 */
export async function hedged<T>(
  clock: MonotonicClock,
  asked: Promise<{ problem: AgentError | null }>,
  begin: () => Promise<T>,
): Promise<T | null> {
  const early = await within(clock, HEAD_START_MS, asked, () => null);
  return early && !early.problem ? null : begin();
}
