import type { MonotonicClock } from '../../../system/clock.ts';
import { within } from '../../../system/timeout.ts';
import type { Answers, Neighbour } from '../process/words.ts';
import type { LibraryDevice } from './library.ts';

/** A router answers a page of its table at once; one that is off never does. */
const ROUTER_MS = 10_000;
/** Neighbours of one router; the table of a stick has 50. */
const MAX_ROWS = 256;
/** Zigbee specification, 2.4.4.3.2, "Relationship". */
const RELATIONS: readonly Neighbour['relation'][] = ['parent', 'child', 'sibling'];
const ADDRESS = /^0x[0-9a-f]{16}$/;

/** Asks the coordinator and every router for its neighbours, one after the other: many answers at once are lost. */
export async function neighboursOf(
  coordinator: LibraryDevice | undefined,
  devices: readonly LibraryDevice[],
  clock: MonotonicClock,
): Promise<Answers['map']> {
  const neighbours: Neighbour[] = [];
  const unasked: string[] = [];
  const routers = devices.filter(({ type }) => type === 'Router');
  for (const router of coordinator ? [coordinator, ...routers] : routers) {
    const asked = router.lqi().catch(() => null);
    const rows = await within(clock, ROUTER_MS, asked, () => null);
    if (rows === null) unasked.push(router.ieeeAddr);
    for (const { eui64, relationship, lqi } of (rows ?? []).slice(0, MAX_ROWS)) {
      if (!ADDRESS.test(eui64)) continue;
      neighbours.push({
        of: router.ieeeAddr,
        address: eui64,
        relation: RELATIONS[relationship] ?? 'other',
        quality: Math.min(Math.max(lqi, 0), 255),
      });
    }
  }
  return { neighbours, unasked };
}
