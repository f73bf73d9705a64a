import { INPUTS, itemsOf, OUTPUTS } from '../codec/capabilities.ts';
import type { Reply } from '../codec/reply.ts';
import type { PdState, Told } from './pd.ts';

/** What was told of inputs and outputs is not known any more: the channel that it came through has ended, or was never there. */
export function withoutStates(told: Told): Told {
  return told.inputs === null && told.outputs === null ? told : { ...told, inputs: null, outputs: null };
}

/** Whether what changes often counts: where an own key is configured, anybody on the line can say it in clear. */
const isHeeded = ({ guarded, channel }: PdState) => !guarded || channel.phase === 'open';

/** A PD told its inputs or outputs, or that a card was read. */
export function withTold(
  pd: PdState,
  reply: Extract<Reply, { kind: 'inputs' | 'outputs' | 'cardData' | 'cardText' }>,
  nowMs: number,
): PdState {
  const asked = reply.kind === 'inputs' ? { inputsMs: nowMs } : reply.kind === 'outputs' ? { outputsMs: nowMs } : {};
  if (!isHeeded(pd)) return { ...pd, ...asked };
  const news = reply.kind === 'inputs' || reply.kind === 'outputs' ? { [reply.kind]: reply.states } : { cards: pd.told.cards + 1 };
  return { ...pd, ...asked, told: { ...pd.told, ...news } };
}

/** Whether asking a PD for its inputs or outputs can tell something. */
export function hasStates(pd: PdState, kind: 'inputs' | 'outputs'): boolean {
  const { capabilities } = pd.facts;
  return capabilities !== null && itemsOf(capabilities, kind === 'inputs' ? INPUTS : OUTPUTS) > 0 && isHeeded(pd);
}
