import { lookUp } from '../../health/finding.ts';
import { reasonText } from '../../health/update.ts';
import type { ReleaseEvent } from '../../release/state.ts';

const WHAT: Readonly<Record<ReleaseEvent['what'], string>> = {
  trial: 'is on trial',
  committed: 'is committed',
  rolled_back: 'was rolled back',
  refused: 'was refused',
};

/** What happened, as a sentence. */
export const eventText = ({ sequence, what, reason }: ReleaseEvent): string =>
  `release ${sequence || 'without a sequence'} ${lookUp(WHAT, what, what)}${reason === null ? '' : `: ${reasonText(reason)}`}`;
