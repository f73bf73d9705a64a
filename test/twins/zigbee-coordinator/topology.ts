import { type Air, type Station, sameNetwork } from './air.ts';
import type { Eui64 } from './bytes.ts';
import type { Neighbour } from './zdo.ts';

/** What hangs on a router; null: on the coordinator. */
export function children(air: Air, parent: Station | null, network = parent?.membership?.network): Station[] {
  return air
    .stations()
    .filter(({ membership }) => membership && network && sameNetwork(membership.network, network))
    .filter(({ membership }) => membership!.parent === (parent?.eui ?? null));
}

export function neighbourOf(child: Station): Neighbour {
  const { eui, listens, lqi } = child;
  return { eui, nwk: child.membership!.nwk, type: child.routes ? 1 : 2, rxOnWhenIdle: listens, relationship: 1, depth: 1, lqi };
}

/** Addresses are drawn by chance (R22, section 3.6.1.7); the twin derives them, so that a run can be repeated. */
export function freeAddress(air: Air, address: Eui64): number {
  const taken = new Set(air.stations().map(({ membership }) => membership?.nwk));
  let nwk = (Number.parseInt(address.slice(-4), 16) * 0x9e37 + 0x3f21) & 0x7fff;
  while (nwk === 0 || taken.has(nwk)) nwk = (nwk + 1) & 0x7fff;
  return nwk;
}
