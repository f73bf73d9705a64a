import type { Node } from '../contract/node.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';
import type { NodeChange } from './changes.ts';

/** Longer than the silence after which a device is off-line (OSDP: 8 s), and time for the others of its bus to be asked meanwhile. */
const DECIDED_AFTER_MS = 15_000;
/** Serial numbers that whole batches of a model have. */
const MEANINGLESS: readonly string[] = ['0', '4294967295'];

/** It says who it is, and no other device says the same. */
function isUnmistakable({ protocol, vendor, model, serialNumber }: Node): boolean {
  return protocol === 'osdp' && vendor !== null && model !== null && serialNumber !== null && !MEANINGLESS.includes(serialNumber);
}

function isSame(a: Node, b: Node): boolean {
  return a.bus === b.bus && a.nodeId !== b.nodeId && a.vendor === b.vendor && a.model === b.model && a.serialNumber === b.serialNumber;
}

export interface MovesDeps {
  clock: MonotonicClock;
  node(nodeId: string): Node | undefined;
  nodes(): Iterable<Node>;
  /** Every address of the bus was asked since start. */
  isScanned(bus: string): boolean;
  onMoved(from: Node, to: Node): void;
  /** It did not move after all: the change that was held back is told. */
  onHeld(node: Node, change: NodeChange): void;
}

/** Tells a device that got another address from one that is lost and one that is new. */
export interface Moves {
  /** A node as it is known now. Answers the change that is not told yet, since the device may have moved; null: none. */
  watch(before: Node | undefined, after: Node): NodeChange | null;
  stop(): void;
}

interface Pending {
  from: string;
  held: { nodeId: string; change: NodeChange }[];
  cancel: Cancel;
}

/** Holds at most one entry, with a timer, for each node. */
export function createMoves({ clock, node, nodes, isScanned, onMoved, onHeld }: MovesDeps): Moves {
  /** By the node at the new address. */
  const pending = new Map<string, Pending>();

  const decide = (to: string) => {
    const one = pending.get(to)!;
    const [origin, target] = [node(one.from), node(to)];
    const isOpen = origin !== undefined && target !== undefined && isSame(origin, target) && !origin.available;
    if (isOpen && !isScanned(target.bus)) {
      one.cancel = clock.schedule(DECIDED_AFTER_MS, () => decide(to));
      return;
    }
    pending.delete(to);
    if (isOpen) return onMoved(origin, target);
    for (const { nodeId, change } of one.held) {
      const held = node(nodeId);
      if (held) onHeld(held, change);
    }
  };

  /** The only node that `after` can have been. */
  const originOf = (after: Node): Node | null => {
    const same = [...nodes()].filter((one) => isSame(one, after));
    return same.length === 1 ? same[0]! : null;
  };

  const hold = (one: Pending, nodeId: string, change: NodeChange) => {
    one.held.push({ nodeId, change });
    return change;
  };

  return {
    watch(before, after) {
      const { nodeId } = after;
      const left = [...pending.values()].find(({ from }) => from === nodeId);
      if (left && before?.available && !after.available) return hold(left, nodeId, 'node_lost');
      const lost = left?.held.findIndex((one) => one.nodeId === nodeId) ?? -1;
      if (left && lost >= 0 && after.available) {
        left.held.splice(lost, 1);
        return 'node_found';
      }
      const isNews = !before || before.serialNumber === null;
      if (!isNews || pending.has(nodeId) || !isUnmistakable(after)) return null;
      const origin = originOf(after);
      if (!origin) return null;
      const one: Pending = { from: origin.nodeId, held: [], cancel: clock.schedule(DECIDED_AFTER_MS, () => decide(nodeId)) };
      pending.set(nodeId, one);
      return before ? null : hold(one, nodeId, 'node_new');
    },

    stop() {
      for (const { cancel } of pending.values()) cancel();
      pending.clear();
    },
  };
}
