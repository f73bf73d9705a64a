import type { BusStatus } from '../../../contract/node.ts';
import type { Problem, State } from '../machine/machine.ts';

/** What stands against the network; null: nothing, or it is not known yet. */
export const problemIn = (state: State): Problem | null => ('problem' in state ? state.problem : null);

function stateOf(state: State): BusStatus['state'] {
  if (state.phase === 'stopped' || (state.phase === 'ending' && state.after === 'stopped')) return 'stopped';
  if (state.phase === 'up') return 'up';
  return problemIn(state) ? 'unavailable' : 'starting';
}

/** The bus in the words of the contract. */
export function busStatus(id: string, state: State): BusStatus {
  const [now, why] = [stateOf(state), problemIn(state)];
  const error =
    now === 'unavailable' && why ? { error: { code: 'bus_unavailable' as const, message: why.message, reason: why.reason } } : {};
  return { id, protocol: 'zigbee', state: now, ...error };
}
