import type { DeviceIdentity, Node } from '../contract/node.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';

/** That another device came is worth knowing for a week; then it is the one that belongs there. Counted while the agent runs. */
export const REPLACEMENT_MS: number = 7 * 24 * 3_600_000;

const FIELDS = ['vendor', 'model', 'serialNumber'] as const;

/** True when both can be the same device, as far as they say who they are. */
export function maybeSameDevice(a: DeviceIdentity, b: DeviceIdentity): boolean {
  return FIELDS.every((field) => a[field] === null || b[field] === null || a[field] === b[field]);
}

const isTold = (device: DeviceIdentity) => FIELDS.some((field) => device[field] !== null);

function identityOf({ vendor, model, serialNumber }: DeviceIdentity): DeviceIdentity {
  return { vendor, model, serialNumber };
}

/**
 * Who was at this place before the device that answers now; null when it is the same one. `refuses`: it was asked for its identity and
 * does not report it, so another device reported the known one. The first device counts, also after a third one; when it is back, nothing was replaced.
 */
export function replacedAt(remembered: Node | undefined, live: Node, refuses: boolean): DeviceIdentity | null {
  if (!remembered) return null;
  const former = remembered.replaced ?? (isTold(remembered) ? identityOf(remembered) : null);
  if (!former) return null;
  if (isTold(live)) return maybeSameDevice(former, live) ? null : former;
  return refuses ? former : remembered.replaced;
}

/** True when the node's device is another one than before, and not the one from before that. */
export function isReplacement(before: Node | undefined, after: Node): boolean {
  if (!before || !after.replaced) return false;
  return !before.replaced || !maybeSameDevice(before, after);
}

/** Lets replacements grow old. */
export interface Replacements {
  /** Takes a node as it is known now. */
  watch(node: Node): void;
  stop(): void;
}

/** `onOld` is called when a replacement has stood for its time. Holds a timer for each node that was replaced. */
export function createReplacements({ clock, onOld }: { clock: MonotonicClock; onOld: (nodeId: string) => void }): Replacements {
  const timers = new Map<string, Cancel>();
  const cancel = (nodeId: string) => {
    timers.get(nodeId)?.();
    timers.delete(nodeId);
  };
  return {
    watch({ nodeId, replaced }) {
      if (!replaced) return cancel(nodeId);
      if (timers.has(nodeId)) return;
      const over = () => {
        timers.delete(nodeId);
        onOld(nodeId);
      };
      timers.set(nodeId, clock.schedule(REPLACEMENT_MS, over));
    },
    stop() {
      for (const nodeId of [...timers.keys()]) cancel(nodeId);
    },
  };
}
