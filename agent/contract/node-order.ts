import type { Node } from './node.ts';

/** Orders by bus, then by address: decimal addresses by their value. */
export function compareNodes(a: Node, b: Node): number {
  if (a.bus !== b.bus) return a.bus < b.bus ? -1 : 1;
  if (a.address === b.address) return 0;
  const numeric = Number(a.address) - Number(b.address);
  return Number.isNaN(numeric) || numeric === 0 ? (a.address < b.address ? -1 : 1) : numeric;
}
