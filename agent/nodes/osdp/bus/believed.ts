import type { Node, OsdpFacts } from '../../../contract/node.ts';

const NOTHING_BELIEVED: OsdpFacts = {
  hardwareVersion: null,
  osdpVersion: null,
  capabilityLevels: [],
  capabilityCounts: [],
  inputs: null,
  outputs: null,
  lastCardAt: null,
};

/**
 * A node of a bus that requires security: its reports count only when its own key secures the link. Otherwise the node is shown as present and
 * not secured, and nothing else.
 * @param guarded an own key is known for it
 */
export function believed(node: Node, guarded: boolean): Node {
  if (node.security === 'secured') return node;
  const keyless = node.available && (!guarded || node.security === 'default_key');
  return {
    ...node,
    vendor: null,
    model: null,
    serialNumber: null,
    firmwareVersion: null,
    capabilities: [],
    tamper: null,
    powerFault: null,
    ...NOTHING_BELIEVED,
    securityReason: node.securityReason ?? (keyless ? 'no_own_key' : null),
  };
}
