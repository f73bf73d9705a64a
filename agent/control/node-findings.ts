import type { DeviceIdentity, Node, SecurityReason } from '../contract/node.ts';

/** Something that is wrong with a node, although it answers. */
export interface NodeFinding {
  nodeId: string;
  kind: 'security_lost' | 'replaced';
  /** What is, as a sentence without a capital or a full stop. */
  text: string;
  /** What to do about it. */
  remedy: string;
}

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
  no_answer: {
    what: 'it answers, but does not complete the handshake',
    remedy: 'look at the wiring and at whether this device can do the secure channel; sudo hubctl bus trace shows the handshake',
  },
};

const nameOf = ({ vendor, model, serialNumber }: DeviceIdentity) =>
  vendor === null && model === null && serialNumber === null
    ? 'one that does not say who it is'
    : `${vendor ?? '?'} model ${model ?? '?'} serial ${serialNumber ?? '?'}`;

function findingsOf(node: Node): NodeFinding[] {
  const { nodeId, securityReason, replaced } = node;
  const findings: NodeFinding[] = [];
  if (securityReason) {
    const { what, remedy } = REASONS[securityReason];
    const text = `node ${nodeId} is not secured although its own key is configured: ${what}; its tamper and power are not known`;
    findings.push({ nodeId, kind: 'security_lost', text, remedy: `Check on site that it is the right device; ${remedy}` });
  }
  if (replaced) {
    const text = `another device answers as node ${nodeId}: ${nameOf(node)} instead of ${nameOf(replaced)}`;
    findings.push({
      nodeId,
      kind: 'replaced',
      text,
      remedy: 'Check on site which device it is; after a planned change nothing is to do, this notice ends after 7 days',
    });
  }
  return findings;
}

/** What is wrong with these nodes, those that are not secured first; at most `MAX_NODE_FINDINGS`. */
export function nodeFindings(nodes: readonly Node[]): NodeFinding[] {
  const all = nodes.flatMap(findingsOf);
  const order = (finding: NodeFinding) => (finding.kind === 'security_lost' ? 0 : 1);
  return all.sort((a, b) => order(a) - order(b)).slice(0, MAX_NODE_FINDINGS);
}
