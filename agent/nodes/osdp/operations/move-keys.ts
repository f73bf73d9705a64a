import type { KeyRing } from '../keys/key-ring.ts';
import type { AddressDeps } from './set-address.ts';

/** Keys that move with their PD: from before it moves on they are stored under both addresses, until it is known where it is. */
export function keyMover(ring: KeyRing): AddressDeps['moveKeys'] {
  return async (from, to) => {
    const keys = ring.candidates(from);
    if (!keys.some((key) => key !== 'default')) return async () => {};
    const before = ring.kept(to);
    await ring.keep(to, keys);
    return (moved) => (moved ? ring.keep(from, null) : ring.keep(to, before));
  };
}
