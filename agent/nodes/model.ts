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

/** The last moment that the contract can write, the end of the year 9999: `Date` writes a later year with a sign and six digits. */
export const LAST_WRITABLE_MS = 253_402_300_799_999;

/** A time as `isoTime` writes it, up to that moment. */
export const ISO_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/;

/** Wall-clock milliseconds as the contract writes times. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
