import type { DeviceIdentity, Node, SecurityReason } from '../contract/node.ts';
import { type Entries, finder, type HealthFinding, lookUp } from './finding.ts';
import { NODES } from './remedies.ts';

/** More than these on one screen say nothing more; `hubctl nodes` has them all. */
const MAX_NODE_FINDINGS = 16;

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

/** What can be wrong with nodes that answer. The subject is the node; null: several together. */
export interface NodeParams {
  node_garbled: { nodeId: string; address: string };
  node_security_lost: { nodeId: string; reason: SecurityReason };
  node_replaced: { nodeId: string; now: DeviceIdentity; before: DeviceIdentity };
  node_tamper: { nodeIds: readonly string[] };
}

export const NODE: Entries<NodeParams> = {
  node_garbled: {
    severity: 'fail',
    text: ({ nodeId, address }) =>
      `node ${nodeId}: noise comes back whenever it is asked: two devices have address ${address} and talk at the same time, or the line to it is disturbed`,
    remedy: ({ address }) =>
      `Disconnect one of the devices with address ${address} (new readers come as 0) and give it an address of its own; if there is only one, look at its wiring, shield and end resistor`,
    next: NODES,
    advice: true,
  },
  node_security_lost: {
    severity: 'fail',
    text: ({ nodeId, reason }) =>
      reason === 'no_own_key'
        ? `node ${nodeId} is not secured, which its bus requires: ${reasonOf(reason).what}; nothing that it says is believed`
        : `node ${nodeId} is not secured although its own key is configured: ${reasonOf(reason).what}; its tamper and power are not known`,
    remedy: ({ reason }) => `Check on site that it is the right device; ${reasonOf(reason).remedy}`,
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
  node_tamper: {
    severity: 'fail',
    text: ({ nodeIds }) => `tamper switch open: ${nodeIds.join(', ')}`,
    remedy: () => 'Look at the cover and the mounting of the device on site',
    next: NODES,
  },
};

export type NodeCode = keyof NodeParams;
const found = finder(NODE);

function findingsOf(node: Node): HealthFinding<NodeCode>[] {
  const { nodeId, address, securityReason: reason, replaced, problem } = node;
  return [
    ...(problem === 'garbled' ? [found('node_garbled', { nodeId, address }, nodeId)] : []),
    ...(reason ? [found('node_security_lost', { nodeId, reason }, nodeId)] : []),
    ...(replaced ? [found('node_replaced', { nodeId, now: node, before: replaced }, nodeId)] : []),
  ];
}

/** What is wrong with these nodes, those that are not secured first; at most `MAX_NODE_FINDINGS`. */
export function nodeFindings(nodes: readonly Node[]): HealthFinding<NodeCode>[] {
  const all = nodes.flatMap(findingsOf);
  const order = ({ code }: HealthFinding<NodeCode>) => (code === 'node_security_lost' ? 0 : 1);
  return all.sort((a, b) => order(a) - order(b)).slice(0, MAX_NODE_FINDINGS);
}

/** That tamper switches are open. */
export function tamperFindings(nodeIds: readonly string[]): HealthFinding<NodeCode>[] {
  return nodeIds.length === 0 ? [] : [found('node_tamper', { nodeIds })];
}
