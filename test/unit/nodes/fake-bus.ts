import type { BusState, Node } from '../../../agent/contract/node.ts';
import type { BusEvent, NodeBus } from '../../../agent/nodes/bus.ts';
import { unknownNode } from '../../../agent/nodes/model.ts';
import { HubError } from '../../../agent/system/errors.ts';

/** A bus whose nodes a test puts there. */
export interface FakeBus extends NodeBus {
  /** Changes or adds a node and tells it. */
  put(address: string, changes: Partial<Node>): void;
  /** Changes a node without a word, as `lastSeen` moves. */
  see(address: string, lastSeen: string): void;
  complete(): void;
  setState(state: BusState): void;
  readonly listeners: number;
  /** Addresses of nodes that do not tell who they are. */
  readonly refuses: Set<string>;
  cannotForget: (address: string) => string | null;
  refreshes: number;
  /** What happens during a refresh. */
  onRefresh: () => void;
}

export function createFakeBus(id: string): FakeBus {
  const nodes = new Map<string, Node>();
  const listeners = new Set<(event: BusEvent) => void>();
  let state: BusState = 'stopped';
  let complete = false;
  const emit = (event: BusEvent) => {
    for (const listener of listeners) listener(event);
  };
  const bus: FakeBus = {
    id,
    protocol: 'osdp',
    refreshes: 0,
    refuses: new Set(),
    cannotForget: () => null,
    refusesIdentity: (address) => bus.refuses.has(address),
    onRefresh: () => {},
    start: () => bus.setState('up'),
    stop: async () => bus.setState('stopped'),
    status: () => ({ id, protocol: 'osdp', state }),
    nodes: () => [...nodes.values()],
    scanComplete: () => complete,
    async refresh(signal) {
      if (state !== 'up') throw new HubError('bus_unavailable', `${id} is down`);
      if (signal.aborted) throw new HubError('aborted', 'no longer wanted');
      bus.refreshes++;
      bus.onRefresh();
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    maintenance: {
      identify: async () => ['led'],
      forget: (address) => void nodes.delete(address),
      rekey: async () => [],
      async setAddress({ from, to, baudRate }) {
        bus.put(String(to), { ...nodes.get(String(from)), nodeId: `${id}/${to}`, address: String(to) });
        return { baudRate: baudRate ?? 9600, proven: true };
      },
    },
    put(address, changes) {
      const node = { ...(nodes.get(address) ?? unknownNode(id, 'osdp', address)), ...changes };
      nodes.set(address, node);
      emit({ kind: 'node', node });
    },
    see(address, lastSeen) {
      nodes.set(address, { ...nodes.get(address)!, lastSeen });
    },
    complete() {
      complete = true;
      emit({ kind: 'scan_complete' });
    },
    setState(next) {
      state = next;
      emit({ kind: 'status', status: bus.status() });
    },
    get listeners() {
      return listeners.size;
    },
  };
  return bus;
}
