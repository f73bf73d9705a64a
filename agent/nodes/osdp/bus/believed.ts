import type { Node } from '../../../contract/node.ts';

/**
 * A node of a bus that requires security: what it says counts only when its own key secures the link. That it is there, and that it is not
 * secured, is all that is known of it otherwise.
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
    securityReason: node.securityReason ?? (keyless ? 'no_own_key' : null),
  };
}
