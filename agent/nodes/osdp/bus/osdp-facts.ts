import type { InputState, OsdpFacts, OutputState } from '../../../contract/node.ts';
import { isoTime } from '../../model.ts';
import { INPUTS, itemsOf, OSDP_VERSION, OUTPUTS, present } from '../codec/capabilities.ts';
import type { Capability } from '../codec/reply.ts';
import type { PdState } from '../session/pd.ts';
import type { Observed } from './observations.ts';

/** SIA OSDP 2.2.2, table 52. Other values are reserved, or the maker's own. */
const INPUT_STATES: readonly InputState[] = ['inactive', 'active', 'short', 'open', 'fault'];
const OUTPUT_STATES: readonly OutputState[] = ['inactive', 'active'];
/** Compliance of function 16 (SIA OSDP 2.2, annex "PD capability function codes"). */
const VERSIONS: readonly OsdpFacts['osdpVersion'][] = [null, 'iec_60839_11_5', 'sia_2.2'];

/** A report may be padded, or shorter than the number of items that the PD claims: the number counts, and what is missing is unknown. */
function wordsOf<State>(
  capabilities: readonly Capability[],
  code: number,
  words: readonly State[],
  states: readonly number[] | null,
): (State | 'unknown')[] | null {
  const count = itemsOf(capabilities, code);
  if (states === null || count === 0) return null;
  return Array.from({ length: count }, (_, index) => words[states[index] ?? -1] ?? 'unknown');
}

/** What a PD reports besides what every node does. */
export function osdpFacts({ facts, told }: PdState, { cardMs }: Observed): OsdpFacts {
  const { identity, securityReason } = facts;
  const capabilities = facts.capabilities ?? [];
  const listed = present(capabilities);
  // Reports in clear are not accepted while an own key should secure the link.
  const accepted = securityReason === null;
  return {
    hardwareVersion: identity ? String(identity.version) : null,
    osdpVersion: VERSIONS[capabilities.find(({ code }) => code === OSDP_VERSION)?.compliance ?? 0] ?? null,
    capabilityLevels: listed.map(({ compliance }) => compliance),
    capabilityCounts: listed.map(({ count }) => count),
    inputs: wordsOf(capabilities, INPUTS, INPUT_STATES, accepted ? told.inputs : null),
    outputs: wordsOf(capabilities, OUTPUTS, OUTPUT_STATES, accepted ? told.outputs : null),
    lastCardAt: cardMs === null ? null : isoTime(cardMs),
  };
}
