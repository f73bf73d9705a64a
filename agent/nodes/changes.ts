import type { BusStatus, Node } from '../contract/node.ts';
import type { MonotonicClock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { isReplacement, maybeSameDevice } from './replacement.ts';

/**
 * What a change of a node is called. The names are also the `event` of the log lines. Each of `lost`, `tamper`, `power_fault`,
 * `security_lost` (an own key is configured and does not secure the link) and `replaced` (another device answers) stands until the event
 * beside it; `node_security_restored` comes too when no own key is configured any more. `node_forgotten` and `node_left` end all of them.
 */
export type NodeChange =
  | 'node_new'
  | 'node_lost'
  /** It fell silent several times within an hour. */
  | 'node_flaps'
  | 'node_found'
  | 'node_tamper'
  | 'node_tamper_cleared'
  | 'node_power_fault'
  | 'node_power_restored'
  | 'node_security_lost'
  | 'node_security_restored'
  | 'node_replaced'
  | 'node_replacement_over'
  /** The same device runs another firmware. */
  | 'node_firmware_changed'
  /** It has another address of its bus than before: the node there is no more. */
  | 'node_moved'
  | 'node_changed'
  | 'node_forgotten'
  /** It left its network, was sent away, or has another address now. */
  | 'node_left';

/** What changed in the table. */
export type NodeEvent =
  | { event: NodeChange; node: Node }
  | { event: 'bus_status'; status: BusStatus }
  | { event: 'scan_complete'; bus: string };

const LEVELS = {
  node_new: 'info',
  node_found: 'info',
  node_lost: 'warn',
  node_flaps: 'warn',
  node_tamper: 'warn',
  node_tamper_cleared: 'info',
  node_power_fault: 'warn',
  node_power_restored: 'info',
  node_security_lost: 'warn',
  node_security_restored: 'info',
  node_replaced: 'warn',
  node_replacement_over: 'info',
  node_firmware_changed: 'info',
  node_moved: 'warn',
  node_changed: 'debug',
  node_forgotten: 'info',
  node_left: 'info',
} as const;

/** A node that does the same thing over and over is worth a line this often; in between it is detail. */
const LOG_INTERVAL_MS = 600_000;

/** The same device, with another firmware than before. */
function hasOtherFirmware(before: Node | undefined, after: Node): boolean {
  if (!before || before.firmwareVersion === null || after.firmwareVersion === null || !maybeSameDevice(before, after)) return false;
  return before.firmwareVersion !== after.firmwareVersion;
}

/** The events of a node's change, in the order in which they are reported. Tamper and power fault of `before` are the last that were known. */
export function eventsOf(before: Node | undefined, after: Node): NodeChange[] {
  const events: NodeChange[] = [];
  if (!before) events.push('node_new');
  else if (before.available !== after.available) events.push(after.available ? 'node_found' : 'node_lost');
  if (after.tamper && !before?.tamper) events.push('node_tamper');
  if (after.tamper === false && before?.tamper) events.push('node_tamper_cleared');
  if (after.powerFault && !before?.powerFault) events.push('node_power_fault');
  if (after.powerFault === false && before?.powerFault) events.push('node_power_restored');
  if (after.securityReason && !before?.securityReason) events.push('node_security_lost');
  if (!after.securityReason && before?.securityReason) events.push('node_security_restored');
  if (isReplacement(before, after)) events.push('node_replaced');
  if (!after.replaced && before?.replaced) events.push('node_replacement_over');
  if (hasOtherFirmware(before, after)) events.push('node_firmware_changed');
  return events.length > 0 ? events : ['node_changed'];
}

type Standing = Pick<Node, 'tamper' | 'powerFault'>;

/** Names and logs the changes of nodes. */
export interface Changes {
  /** What is known from before this start: it is not reported again. */
  remember(node: Node): void;
  forget(nodeId: string): void;
  /** Logs what changed, and answers it. `held`: it is not told yet. */
  take(before: Node | undefined, after: Node, held?: NodeChange | null): NodeChange[];
  /** Logs one change of a node. */
  tell(change: NodeChange, node: Node): void;
}

/** Holds as many entries as there are nodes, and events of them. */
export function createChanges({ log, clock }: { log: Log; clock: MonotonicClock }): Changes {
  /** The last alarms that were known, as an alarm that cannot be read for a while still stands. */
  const alarms = new Map<string, Standing>();
  /** When an event of a node was last logged at its own level. */
  const loggedMs = new Map<string, Map<NodeChange, number>>();

  const write = (event: NodeChange, node: Node, more: Record<string, unknown> = {}) => {
    const { nodeId, vendor, model, serialNumber, firmwareVersion, security, securityReason, replaced, moved } = node;
    const nowMs = clock.nowMs();
    const times = loggedMs.get(nodeId) ?? new Map<NodeChange, number>();
    loggedMs.set(nodeId, times);
    const fresh = nowMs - (times.get(event) ?? Number.NEGATIVE_INFINITY) >= LOG_INTERVAL_MS;
    if (fresh) times.set(event, nowMs);
    log[fresh ? LEVELS[event] : 'debug'](
      {
        event,
        nodeId,
        vendor,
        model,
        serialNumber,
        firmwareVersion,
        security,
        ...(securityReason && { securityReason }),
        ...(replaced && { replaced }),
        ...(event === 'node_moved' && moved && { from: moved.from, to: nodeId }),
        ...more,
      },
      `${nodeId}: ${event.slice('node_'.length).replaceAll('_', ' ')}`,
    );
  };

  return {
    remember({ nodeId, tamper, powerFault }) {
      alarms.set(nodeId, { tamper, powerFault });
    },

    forget(nodeId) {
      alarms.delete(nodeId);
      loggedMs.delete(nodeId);
    },

    tell: (change, node) => write(change, node),

    take(before, after, held = null) {
      const { nodeId } = after;
      const standing = before && maybeSameDevice(before, after) ? alarms.get(nodeId) : undefined;
      const told = before && { ...before, tamper: standing?.tamper ?? null, powerFault: standing?.powerFault ?? null };
      alarms.set(nodeId, {
        tamper: after.tamper ?? standing?.tamper ?? null,
        powerFault: after.powerFault ?? standing?.powerFault ?? null,
      });
      const events = eventsOf(told, after).filter((event) => event !== held);
      for (const event of events) write(event, after, event === 'node_firmware_changed' ? { before: before?.firmwareVersion } : {});
      return events;
    },
  };
}
