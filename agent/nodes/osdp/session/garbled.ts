import { type PdNote, type PdState, withFacts } from './pd.ts';

/** So many questions in a row that only noise answered are no accident. */
const GARBLED_AFTER = 5;
/** So many questions that nothing answered, and what garbled the answers has gone. */
const QUIET_AFTER = 3;

/** Noise came as an answer from an address that is not available, and none came without a question. */
export function onGarbled(before: PdState): { pd: PdState; notes: PdNote[] } {
  const pd = { ...before, noisy: false, garbled: Math.min(before.garbled + 1, GARBLED_AFTER) };
  if (pd.garbled < GARBLED_AFTER || pd.facts.problem !== null) return { pd, notes: [] };
  const message =
    'noise comes back whenever this address is asked: two peripherals have it and talk at the same time, or the line to it is disturbed';
  return { pd: withFacts(pd, { problem: 'garbled' }), notes: [{ level: 'warn', event: 'osdp_garbled_address', message }] };
}

/** Noise comes without a question too: it is no answer of this address. */
export function onBabble(pd: PdState): PdState {
  return { ...pd, noisy: false, garbled: 0 };
}

/** A question to an address that is not available was answered by nothing at all. */
export function onQuiet(pd: PdState): PdState {
  if (pd.garbled === 0) return pd;
  const garbled = Math.max(0, Math.min(pd.garbled, QUIET_AFTER) - 1);
  return withFacts({ ...pd, garbled }, garbled === 0 && pd.facts.problem === 'garbled' ? { problem: null } : {});
}
