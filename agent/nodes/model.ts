import type { Node } from '../contract/node.ts';

/** The id of a node across buses: `<bus>/<address>`. */
export function nodeIdOf(bus: string, address: string): string {
  return `${bus}/${address}`;
}

/** A node of which nothing but its place is known. */
export function unknownNode(bus: string, protocol: Node['protocol'], address: string): Node {
  return {
    nodeId: nodeIdOf(bus, address),
    bus,
    protocol,
    address,
    available: false,
    lastSeen: null,
    firstSeen: null,
    vendor: null,
    model: null,
    serialNumber: null,
    firmwareVersion: null,
    capabilities: [],
    security: null,
    securityReason: null,
    replaced: null,
    tamper: null,
    powerFault: null,
    problem: null,
    linkQuality: null,
  };
}

/** Wall-clock milliseconds as the contract writes times. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
