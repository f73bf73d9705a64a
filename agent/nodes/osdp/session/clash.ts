import type { NodeProblem } from '../../../contract/node.ts';
import type { Identity } from '../codec/reply.ts';
import { sameDevice } from './doubt.ts';
import { type PdNote, type PdState, withFacts } from './pd.ts';

/** A device that is swapped for another one, and back, is an event; one more such change, and two devices take turns. */
const TURNS = 2;
const MAX_TURNS = 4;

const NOTES: Readonly<Record<NodeProblem, PdNote>> = {
  address_clash: {
    level: 'warn',
    event: 'osdp_address_clash',
    message: 'more than one peripheral answers at this address: two of them have it, or another control panel asks it too',
  },
  garbled: {
    level: 'warn',
    event: 'osdp_garbled_address',
    message: 'noise comes from this address as often as an answer: two peripherals have it, or the line to it is disturbed',
  },
};

/** What the evidence says of an address that answers. One that does not is judged by `agent/nodes/osdp/session/garbled.ts`. */
function judged(pd: PdState): { pd: PdState; notes: PdNote[] } {
  const { problem } = pd.facts;
  const clash = pd.surplus || pd.turns >= TURNS ? 'address_clash' : null;
  const found = clash ?? (pd.noisyLink ? 'garbled' : null);
  if (found === problem || pd.garbled > 0) return { pd, notes: [] };
  return { pd: withFacts(pd, { problem: found }), notes: found ? [NOTES[found]] : [] };
}

/** Noise comes as often as an answer, or not any more. */
export function onNoisyLink(pd: PdState, noisyLink: boolean): { pd: PdState; notes: PdNote[] } {
  return judged({ ...pd, noisyLink });
}

/** More answers than questions were heard, or not any more. */
export function onSurplus(pd: PdState, surplus: boolean): { pd: PdState; notes: PdNote[] } {
  return judged({ ...pd, surplus });
}

/** The PD at the address said who it is. `known`: who it was before; null: not known. */
export function onTurn(pd: PdState, known: Identity | null, identity: Identity): { pd: PdState; notes: PdNote[] } {
  if (known === null || sameDevice(known, identity)) return judged({ ...pd, turns: Math.max(0, pd.turns - 1) });
  const isBack = pd.former !== null && sameDevice(pd.former, identity);
  return judged({ ...pd, former: known, turns: isBack ? Math.min(pd.turns + 1, MAX_TURNS) : 0 });
}
