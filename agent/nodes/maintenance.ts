import type { NodeMaintenance } from '../contract/maintenance.ts';
import type { Node } from '../contract/node.ts';
import { HubError } from '../system/errors.ts';
import type { BusMaintenance, NodeBus } from './bus.ts';
import { nodeIdOf } from './model.ts';

export interface MaintenanceDeps {
  buses: readonly NodeBus[];
  /** The node as known now. */
  node(nodeId: string): Node | undefined;
  /** Takes it out of the table, and off the disk when this resolves. */
  drop(node: Node): Promise<void>;
}

/** What root does with single nodes, over the buses that have them. */
export function createNodeMaintenance({ buses, node, drop }: MaintenanceDeps): NodeMaintenance {
  const known = (nodeId: string): Node => {
    const found = node(nodeId);
    if (found) return found;
    throw new HubError('node_unknown', `there is no node ${JSON.stringify(nodeId)}: hubctl nodes lists them`);
  };

  const of = (id: string): BusMaintenance => {
    const bus = buses.find((each) => each.id === id);
    if (bus?.maintenance) return bus.maintenance;
    const message = bus
      ? `bus ${id} cannot do this: ${bus.status().error?.message ?? 'its protocol has nothing of it'}`
      : `there is no bus ${JSON.stringify(id)}`;
    throw new HubError(bus ? 'bus_unavailable' : 'invalid_args', message, { details: [{ field: 'bus', message }] });
  };

  const forget = (one: Node): Promise<void> => {
    const dropped = drop(one);
    buses.find(({ id }) => id === one.bus)?.maintenance?.forget(one.address);
    return dropped;
  };

  return {
    async identify(nodeId, seconds, signal) {
      const { bus, address } = known(nodeId);
      return { nodeId, seconds, by: await of(bus).identify(address, seconds, signal) };
    },

    async forget(nodeId) {
      const one = known(nodeId);
      const reason = buses.find(({ id }) => id === one.bus)?.cannotForget?.(one.address) ?? null;
      if (reason !== null) throw new HubError('node_refused', reason);
      await forget(one);
      return one;
    },

    rekey: async (bus, asked, onDone, signal) => of(bus).rekey(asked, onDone, signal),

    async setAddress(bus, change, signal) {
      const { baudRate, proven } = await of(bus).setAddress(change, signal);
      const left = node(nodeIdOf(bus, String(change.from)));
      if (left && change.from !== change.to) await forget(left);
      return { bus, ...change, baudRate, proven };
    },
  };
}
