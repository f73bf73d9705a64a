import type { MonotonicClock } from '../../../system/clock.ts';
import { within } from '../../../system/timeout.ts';
import type { Answers, Neighbour } from '../process/words.ts';
import type { LibraryDevice } from './library.ts';

/** A page of a neighbour table, as the library reads it (Zigbee specification, 2.4.4.3.2, Mgmt_Lqi_rsp). */
export interface NeighbourPage {
  neighborTableEntries: number;
  entryList: { eui64: string; relationship: number; lqi: number }[];
}

/** Asks a router for the page that begins at `start`. */
export type AskNeighbours = (router: LibraryDevice, start: number) => Promise<NeighbourPage>;

/** A router answers a page of its table at once; one that is off never does. */
const ROUTER_MS = 10_000;
/** Of all routers together; below the agent's own limit. Those that are left then count as not asked. */
const TOTAL_MS = 150_000;
/** Neighbours of one router; the table of a stick has 50. */
const MAX_ROWS = 256;
/** Of all of them. */
const MAX_NEIGHBOURS = 8_192;
/** Zigbee specification, 2.4.4.3.2, "Relationship". */
const RELATIONS: readonly Neighbour['relation'][] = ['parent', 'child', 'sibling'];
const ADDRESS = /^0x[0-9a-f]{16}$/;

/**
 * All pages of a router's table. The library's own loop goes on for ever with a router that claims more rows than it gives, also after its answer is no
 * longer waited for.
 */
async function rowsOf(router: LibraryDevice, ask: AskNeighbours, signal: AbortSignal): Promise<NeighbourPage['entryList']> {
  const rows: NeighbourPage['entryList'] = [];
  while (!signal.aborted) {
    const { neighborTableEntries, entryList } = await ask(router, rows.length);
    rows.push(...entryList);
    if (entryList.length === 0 || rows.length >= Math.min(neighborTableEntries, MAX_ROWS)) break;
  }
  return rows.slice(0, MAX_ROWS);
}

/** Asks the coordinator and every router for its neighbours, one after the other: many answers at once are lost. */
export async function neighboursOf(
  coordinator: LibraryDevice | undefined,
  devices: readonly LibraryDevice[],
  ask: AskNeighbours,
  clock: MonotonicClock,
): Promise<Answers['map']> {
  const neighbours: Neighbour[] = [];
  const unasked: string[] = [];
  const endMs = clock.nowMs() + TOTAL_MS;
  const routers = devices.filter(({ type }) => type === 'Router');
  for (const router of coordinator ? [coordinator, ...routers] : routers) {
    const leftMs = endMs - clock.nowMs();
    const rows =
      leftMs <= 0
        ? null
        : await within(
            clock,
            Math.min(ROUTER_MS, leftMs),
            (signal) => rowsOf(router, ask, signal).catch(() => null),
            () => null,
          );
    if (rows === null) unasked.push(router.ieeeAddr);
    for (const { eui64, relationship, lqi } of rows ?? []) {
      if (!ADDRESS.test(eui64) || eui64 === router.ieeeAddr || neighbours.length >= MAX_NEIGHBOURS) continue;
      const quality = Math.min(Math.max(lqi, 0), 255);
      neighbours.push({ of: router.ieeeAddr, address: eui64, relation: RELATIONS[relationship] ?? 'other', quality });
    }
  }
  return { neighbours, unasked };
}
