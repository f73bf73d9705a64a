import { otherCheck } from './check-choice.ts';
import type { Opening, PdKey, PdState } from './pd.ts';

/**
 * Which opening to use: that of the plan; the question for the identity in clear, where the plan begins with a challenge; another one than
 * the plan's, each time the next; or the one that was used last.
 */
export type OpeningChoice = 'usual' | 'clear' | 'other' | 'last';

/**
 * The ways other than the usual one, the likeliest first. There are PDs that understand checksums alone, PDs that are silent until they were
 * polled, and PDs that answer nothing but a challenge in clear.
 */
function otherOpenings({ check, guarded, beginsWithPoll }: PdState, key: PdKey | null): Opening[] {
  const same = check.kind;
  const other = otherCheck(same);
  const clear: Opening[] = guarded || beginsWithPoll ? [{ check: same, first: 'identify' }] : [];
  const polls: Opening[] = beginsWithPoll ? [] : [{ check: same, first: 'poll' }];
  const challenges: Opening[] = key && !guarded ? [{ check: same, first: 'challenge' }] : [];
  return [...clear, { check: other, first: 'usual' }, ...polls, { check: other, first: 'poll' }, ...challenges];
}

/** The opening for the next request to a PD that is not available. */
export function openingOf(pd: PdState, choice: OpeningChoice, key: PdKey | null): Opening {
  const usual: Opening = { check: pd.check.kind, first: 'usual' };
  if (choice === 'usual') return usual;
  if (choice === 'last') return pd.lastOpening ?? usual;
  if (choice === 'clear') return { check: pd.check.kind, first: 'identify' };
  const others = otherOpenings(pd, key);
  return others[pd.otherOpenings % others.length]!;
}
