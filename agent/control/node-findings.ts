import type { Node } from '../contract/node.ts';
import type { HealthFinding, Severity } from '../health/finding.ts';
import { type NodeCode, nodeFindings } from '../health/node.ts';
import { NODES } from '../health/remedies.ts';

/** More than these on one screen say nothing more; `hubctl doctor` has them all. */
const MAX_NODE_FINDINGS = 16;

/** A finding of a node other than its silence, as the control API reports it. */
export interface NodeFinding {
  nodeId: string;
  kind: 'security_lost' | 'replaced' | 'garbled' | 'address_clash' | 'key_missing' | 'unidentified' | 'power_fault' | 'flaps';
  /** What is, as a sentence without a capital or a full stop. */
  text: string;
  /** What to do about it. */
  remedy: string;
  /** Absent from an older agent. */
  severity?: Severity;
}

const KINDS: Readonly<Partial<Record<NodeCode, NodeFinding['kind']>>> = {
  node_security_lost: 'security_lost',
  node_replaced: 'replaced',
  node_garbled: 'garbled',
  node_address_clash: 'address_clash',
  node_key_missing: 'key_missing',
  node_unidentified: 'unidentified',
  node_power_fault: 'power_fault',
  node_flaps: 'flaps',
};

/** What the control API reports of these nodes, the worst first; at most `MAX_NODE_FINDINGS`. */
export function nodeReport(nodes: readonly Node[]): NodeFinding[] {
  const all = nodeFindings(nodes).flatMap(({ code, subject, text, remedy, severity }) => {
    const kind = KINDS[code];
    return kind && subject !== null ? [{ nodeId: subject, kind, text, remedy, severity }] : [];
  });
  return all.slice(0, MAX_NODE_FINDINGS);
}

/** The finding behind an entry of the control API: its texts are made by the agent, which has the nodes. */
export function reported({ nodeId, kind, text, remedy, severity = 'fail' }: NodeFinding): HealthFinding {
  return { code: `node_${kind}`, severity, subject: nodeId, text, remedy, next: NODES, advice: true };
}
