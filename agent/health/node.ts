import type { Alarm } from '../contract/alarm.ts';
import { type DeviceIdentity, FLAPS_AFTER, type Node, type SecurityReason } from '../contract/node.ts';
import { type Entries, finder, type HealthFinding, lookUp, times } from './finding.ts';
import { NODES } from './remedies.ts';

/** A node that was just found is asked who it is within seconds; on a full slow line within a minute. */
const SILENT_ABOUT_ITSELF_MS = 60_000;

const REASONS: Readonly<Record<SecurityReason, { what: string; remedy: string }>> = {
  wrong_key: {
    what: 'it has another key than the one configured',
    remedy: 'correct its key in the key file of the bus (keysPath), or set the key in the device again',
  },
  key_type: {
    what: 'it offers the default key and not its own one',
    remedy: 'set its own key in the device again: it was reset, or is another one',
  },
  no_key: {
    what: 'it says that it has no such key',
    remedy: 'set its own key in the device: it was reset, or is another one',
  },
  refused: {
    what: 'it refuses the secure channel',
    remedy: 'see whether this device can do the secure channel, and switch it on there',
  },
  invalid: {
    what: 'its answers in the handshake are not valid',
    remedy: 'sudo hubctl bus trace shows the handshake; update the firmware of the device',
  },
  no_own_key: {
    what: 'it has no key of its own',
    remedy: 'sudo hubctl bus rekey gives it one (a new or reset device: with --default-key)',
  },
  no_answer: {
    what: 'it answers, but does not complete the handshake',
    remedy: 'look at the wiring and at whether this device can do the secure channel; sudo hubctl bus trace shows the handshake',
  },
};

const reasonOf = (reason: SecurityReason) => lookUp(REASONS, reason, { what: reason, remedy: 'sudo hubctl bus trace shows the handshake' });

const nameOf = ({ vendor, model, serialNumber }: DeviceIdentity) =>
  vendor === null && model === null && serialNumber === null
    ? 'one that does not say who it is'
    : `${vendor ?? '?'} model ${model ?? '?'} serial ${serialNumber ?? '?'}`;

/** What can be wrong with nodes. The subject is the node; null: several together. */
export interface NodeParams {
  node_garbled: { nodeId: string; address: string; available: boolean };
  node_address_clash: { nodeId: string; address: string };
  node_security_lost: { nodeId: string; reason: SecurityReason };
  /** It requires a secure channel, and no key is known for it. */
  node_key_missing: { nodeId: string; bus: string; address: string };
  node_replaced: { nodeId: string; now: DeviceIdentity; before: DeviceIdentity };
  node_unidentified: { nodeId: string; hasCapabilities: boolean };
  /** A device of Zigbee reports its battery alone (ZCL, 8.2.2.2.1.3). */
  node_power_fault: { nodeId: string; protocol: Node['protocol']; available: boolean };
  node_flaps: { nodeId: string; losses: number };
  node_tamper: { nodeIds: readonly string[] };
}

export const NODE: Entries<NodeParams> = {
  node_garbled: {
    severity: 'fail',
    text: ({ nodeId, address, available }) =>
      available
        ? `node ${nodeId}: noise comes back as often as an answer: two devices have address ${address}, or the line to it is disturbed`
        : `node ${nodeId}: noise comes back whenever it is asked: two devices have address ${address} and talk at the same time, or the line to it is disturbed`,
    remedy: ({ address }) =>
      `Disconnect one of the devices with address ${address} (new readers come as 0) and give it an address of its own; if there is only one, look at its wiring, shield and end resistor`,
    next: NODES,
    advice: true,
  },
  node_address_clash: {
    severity: 'fail',
    text: ({ nodeId, address }) =>
      `node ${nodeId} answers more than once, or as two devices in turn: two devices have address ${address}, or another control panel is on the line`,
    remedy: ({ address }) =>
      `Disconnect one of the devices with address ${address} (new readers come as 0) and give it an address of its own; if there is only one, see whether another hub or panel is wired to the line`,
    next: NODES,
    advice: true,
  },
  node_security_lost: {
    severity: 'fail',
    text: ({ nodeId, reason }) =>
      reason === 'no_own_key'
        ? `node ${nodeId} is not secured, which its bus requires: ${reasonOf(reason).what}; its reports are ignored`
        : `node ${nodeId} is not secured although its own key is configured: ${reasonOf(reason).what}; its tamper and power are not known`,
    remedy: ({ reason }) => `Check on site that it is the right device; ${reasonOf(reason).remedy}`,
    next: NODES,
    advice: true,
  },
  node_key_missing: {
    severity: 'fail',
    text: ({ nodeId }) =>
      `node ${nodeId} requires a secure channel, but no matching key is known; its tamper and power state are unknown, and it may not identify itself`,
    remedy: ({ bus, address }) =>
      `Write its key into the key file of the bus (keysPath); if it is new or was reset: sudo hubctl bus rekey ${bus} ${address} --default-key`,
    next: NODES,
    advice: true,
  },
  node_replaced: {
    severity: 'fail',
    text: ({ nodeId, now, before }) => `another device answers as node ${nodeId}: ${nameOf(now)} instead of ${nameOf(before)}`,
    remedy: () => 'Check on site which device it is; after a planned change nothing is to do, this notice ends after 7 days',
    next: NODES,
    advice: true,
  },
  node_unidentified: {
    severity: 'warn',
    text: ({ nodeId, hasCapabilities }) =>
      `node ${nodeId} answers, but does not say who it is${hasCapabilities ? '' : ' or what it can do'}: another device in its place would not be noticed`,
    remedy: () =>
      'Look at the device on site, and update its firmware; sudo hubctl bus trace shows what it answers when it is asked (ID, CAP)',
    next: NODES,
    advice: true,
  },
  node_power_fault: {
    severity: 'warn',
    text: ({ nodeId, protocol, available }) => {
      const fault = protocol === 'zigbee' ? 'a low battery' : 'a power fault';
      return available ? `node ${nodeId} reports ${fault}` : `node ${nodeId} is silent, and reported ${fault} before`;
    },
    remedy: ({ protocol }) =>
      protocol === 'zigbee'
        ? 'Replace its battery'
        : 'Look at its supply on site: the voltage at its terminals under load, the fuse, and its battery if it has one',
    next: NODES,
    advice: true,
  },
  node_flaps: {
    severity: 'warn',
    text: ({ nodeId, losses }) => `node ${nodeId} fell silent ${times(losses)} in the last hour`,
    remedy: () =>
      'Look at its cable, its terminals and its supply under load on site; if hubctl bus trace shows that it only answers late, raise replyTimeoutMs of its bus',
    next: NODES,
    advice: true,
  },
  node_tamper: {
    severity: 'fail',
    text: ({ nodeIds }) => `tamper switch open: ${nodeIds.join(', ')}`,
    remedy: () => 'Look at the cover and the mounting of the device on site',
    next: NODES,
  },
};

export type NodeCode = keyof NodeParams;
const found = finder(NODE);

/**
 * It answers for long enough, and reported neither vendor nor model nor serial number. There is no such time for a device of Zigbee: one that sleeps
 * is asked when it wakes.
 */
function isUnidentified({ protocol, available, firstSeen, lastSeen, vendor, model, serialNumber }: Node): boolean {
  if (protocol !== 'osdp' || !available || firstSeen === null || lastSeen === null) return false;
  return (vendor ?? model ?? serialNumber) === null && Date.parse(lastSeen) - Date.parse(firstSeen) >= SILENT_ABOUT_ITSELF_MS;
}

/** Why so little is known of a node that answers: the cause alone, for without a key a strict device cannot say who it is. */
function strangerFindings(node: Node): HealthFinding<NodeCode>[] {
  const { nodeId, bus, address, available, security, securityReason: reason, capabilities } = node;
  if (reason) return [found('node_security_lost', { nodeId, reason }, nodeId)];
  if (available && security === 'required') return [found('node_key_missing', { nodeId, bus, address }, nodeId)];
  return isUnidentified(node) ? [found('node_unidentified', { nodeId, hasCapabilities: capabilities.length > 0 }, nodeId)] : [];
}

function findingsOf(node: Node): HealthFinding<NodeCode>[] {
  const { nodeId, protocol, address, available, replaced, powerFault, problem, lossesLastHour: losses = 0 } = node;
  return [
    ...strangerFindings(node),
    ...(problem === 'garbled' ? [found('node_garbled', { nodeId, address, available }, nodeId)] : []),
    ...(problem === 'address_clash' ? [found('node_address_clash', { nodeId, address }, nodeId)] : []),
    ...(replaced ? [found('node_replaced', { nodeId, now: node, before: replaced }, nodeId)] : []),
    ...(protocol === 'osdp' && losses >= FLAPS_AFTER ? [found('node_flaps', { nodeId, losses }, nodeId)] : []),
    ...(powerFault ? [found('node_power_fault', { nodeId, protocol, available }, nodeId)] : []),
  ];
}

const rank = ({ code, severity }: HealthFinding<NodeCode>) => (code === 'node_security_lost' ? 0 : severity === 'fail' ? 1 : 2);

/** What is wrong with these nodes one by one: those that are not secured first, warnings last. Tamper is apart: see `tamperFindings`. */
export function nodeFindings(nodes: readonly Node[]): HealthFinding<NodeCode>[] {
  return nodes.flatMap(findingsOf).sort((a, b) => rank(a) - rank(b));
}

/** The nodes whose tamper alarm stands. */
export const tampered = (alarms: readonly Alarm[]): string[] =>
  alarms.flatMap(({ kind, node, until }) => (kind === 'tamper' && until === undefined && node !== null ? [node] : []));

/** That tamper switches are open. */
export function tamperFindings(nodeIds: readonly string[]): HealthFinding<NodeCode>[] {
  return nodeIds.length === 0 ? [] : [found('node_tamper', { nodeIds })];
}
