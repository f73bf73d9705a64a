import type { RekeyResult } from '../../../contract/maintenance.ts';
import { type BaseKey, isSameKey } from '../keys/key-record.ts';

/**
 * A PD gets another key (KEYSET; SIA OSDP 2.2, "Encryption key set"): the new one is on the disk before it is sent, the old one stays there until
 * a handshake under the new one is proven. Wherever it is interrupted, a stored key opens the PD. Pure.
 */
export type Rekey =
  /** A channel is needed first, under the key that the PD has. */
  | { step: 'open' }
  /** Both keys go to the disk. */
  | { step: 'store'; fresh: BaseKey; before: BaseKey }
  | { step: 'send'; fresh: BaseKey; before: BaseKey }
  /** Which of them the PD has now. `word`: its answer to the new one. */
  | { step: 'prove'; fresh: BaseKey; before: BaseKey; word: Word }
  /** Superseded keys are removed from the disk. */
  | { step: 'settle'; result: RekeyResult }
  | { step: 'end'; result: RekeyResult };

/** The answer of the PD to the new key; `none`: no valid answer, so it may have taken the key. */
export type Word = 'taken' | 'refused' | 'none';

export type RekeyEvent =
  /** A channel is proven under this key. */
  | { kind: 'opened'; key: BaseKey }
  /** No key opens the PD. */
  | { kind: 'closed' }
  | { kind: 'stored' }
  | { kind: 'not_stored' }
  | { kind: 'answered'; word: Word };

export type RekeyAction =
  /** Open and prove a channel with the stored keys, in order. */
  | { kind: 'open' }
  | { kind: 'store'; keys: readonly BaseKey[] }
  /** Inside the channel that is open. */
  | { kind: 'send'; key: BaseKey }
  | { kind: 'end'; result: RekeyResult };

export interface RekeyStep {
  state: Rekey;
  action: RekeyAction;
}

/** What is known when it begins. */
export interface RekeyStart {
  /** A random key that nothing else uses. */
  random: BaseKey;
  /** What is stored for the PD. */
  kept: readonly BaseKey[] | null;
}

const ended = (result: RekeyResult): RekeyStep => ({ state: { step: 'end', result }, action: { kind: 'end', result } });
const settled = (key: BaseKey, result: RekeyResult): RekeyStep => ({
  state: { step: 'settle', result },
  action: { kind: 'store', keys: [key] },
});

/** The first step. */
export function beginRekey(): RekeyStep {
  return { state: { step: 'open' }, action: { kind: 'open' } };
}

/**
 * The next step.
 * @throws Error for an event that cannot come now: a bug of the driver
 */
export function rekeyStep(state: Rekey, event: RekeyEvent, { random, kept }: RekeyStart): RekeyStep {
  switch (state.step) {
    case 'open': {
      if (event.kind === 'closed') return ended('unsecured');
      if (event.kind !== 'opened') break;
      const before = event.key;
      // A key that was stored and may have been sent is sent again: a third one would be one more to try.
      const untaken = kept?.find((key) => key !== 'default' && !isSameKey(key, before));
      const fresh = kept && kept.length > 1 && untaken ? untaken : random;
      return { state: { step: 'store', fresh, before }, action: { kind: 'store', keys: [fresh, before] } };
    }
    case 'store': {
      if (event.kind === 'not_stored') return ended('not_stored');
      if (event.kind !== 'stored') break;
      return { state: { ...state, step: 'send' }, action: { kind: 'send', key: state.fresh } };
    }
    case 'send': {
      if (event.kind !== 'answered') break;
      return { state: { ...state, step: 'prove', word: event.word }, action: { kind: 'open' } };
    }
    case 'prove': {
      if (event.kind === 'closed') return ended('unproven');
      if (event.kind !== 'opened') break;
      if (isSameKey(event.key, state.fresh)) return settled(state.fresh, 'rekeyed');
      return state.word === 'refused' ? settled(state.before, 'refused') : ended('not_taken');
    }
    case 'settle':
      // What is past may stay on the disk: it is tried last, and forgotten when the next handshake proves the key again.
      if (event.kind === 'stored' || event.kind === 'not_stored') return ended(state.result);
      break;
    default:
      break;
  }
  throw new Error(`a rekey in step ${state.step} cannot take ${event.kind}`);
}
