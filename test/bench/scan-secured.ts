import { createOsdpBus } from '../../agent/nodes/osdp/bus/osdp-bus.ts';
import { createMonotonicClock, createWallClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { Secret } from '../../agent/system/secret.ts';
import { createOsdpLine, createPreciseClock } from '../twins/osdp-line/index.ts';
import { createFakeLog, createFakePort } from '../unit/nodes/fakes.ts';

/** A full line on which every peripheral has a key of its own. Times in milliseconds, from `refresh` to its end. */
export interface SecuredCase {
  baud: number;
  present: number;
  /** How many were secured, with capabilities and tamper known, when the first refresh ended. */
  secured: number;
  firstMs: number;
  /** The longest of those after it. */
  laterMs: number;
}

const BAUD_RATE = 38400;
const PRESENT = 126;
const LATER_REFRESHES = 3;
const MAX_FIRST_MS = 18_000;
const MAX_LATER_MS = 4_000;
const KEY = '000102030405060708090a0b0c0d0e0f';

/** A refresh of a cold line, with every handshake in it, and some more of the line that is known. */
export async function measureSecured(): Promise<SecuredCase> {
  const addresses = Array.from({ length: PRESENT }, (_, address) => address);
  const secureChannel = { required: true, key: Buffer.from(KEY, 'hex') };
  const peripherals = addresses.map((address) => ({ address, turnaround: 3, secureChannel }));
  const line = createOsdpLine({ baudRate: BAUD_RATE, peripherals, clock: createPreciseClock() });
  const bus = createOsdpBus({
    id: 'bench',
    path: 'paced line',
    baudRate: BAUD_RATE,
    addresses,
    allowDefaultKey: false,
    keys: new Map(addresses.map((address) => [address, new Secret(KEY)])),
    serialPorts: createFakePort(line.wire),
    clock: createMonotonicClock(),
    wallClock: createWallClock(),
    entropy: createEntropy(),
    log: createFakeLog(),
  });
  const refresh = async () => {
    const startMs = performance.now();
    await bus.refresh(new AbortController().signal);
    return Math.round(performance.now() - startMs);
  };
  bus.start();
  const firstMs = await refresh();
  const told = bus.nodes().filter((node) => node.security === 'secured' && node.tamper === false && node.capabilities.length > 0);
  let laterMs = 0;
  for (let round = 0; round < LATER_REFRESHES; round++) laterMs = Math.max(laterMs, await refresh());
  await bus.stop();
  line.stop();
  return { baud: BAUD_RATE, present: PRESENT, secured: told.length, firstMs, laterMs };
}

/** What the case misses of its targets, in words. */
export function missesOfSecured({ present, baud, secured, firstMs, laterMs }: SecuredCase): string[] {
  const misses: string[] = [];
  if (secured < present) misses.push(`secured ${secured} of ${present}`);
  if (firstMs >= MAX_FIRST_MS) misses.push(`first refresh in ${firstMs} ms, not under ${MAX_FIRST_MS}`);
  if (laterMs >= MAX_LATER_MS) misses.push(`later refreshes in ${laterMs} ms, not under ${MAX_LATER_MS}`);
  return misses.map((miss) => `scan: ${present} secured at ${baud} baud: ${miss}`);
}
