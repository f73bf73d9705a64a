import type { BusFailure } from '../../../contract/node.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Looking whether a stick is there costs one call: it is found soon after it was plugged in. */
const MISSING_MS = 2_000;
/** What waits for a person may be healed on the spot too: by the right stick, or by files that were put back. */
const PERSON_MS = 30_000;

/**
 * How long to wait before the next attempt, milliseconds: exponential with half of it random, so that a process that dies at once is started at most
 * twice a minute. @param unit a number in [0, 1)
 */
export function pauseMs(reason: BusFailure, failures: number, unit: number): number {
  if (reason === 'missing') return MISSING_MS;
  if (reason === 'network' || reason === 'library') return PERSON_MS;
  const longest = Math.min(FIRST_MS * 2 ** Math.min(failures, 16), LONGEST_MS);
  return longest / 2 + (longest / 2) * unit;
}
