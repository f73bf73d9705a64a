import { expect, test } from 'vitest';
import { createNodeStore } from '../../../../../agent/nodes/store.ts';
import { createNodeTable } from '../../../../../agent/nodes/table.ts';
import { createReadingsStore } from '../../../../../agent/nodes/zigbee/devices/readings-store.ts';
import { readEvent } from '../../../../../agent/nodes/zigbee/process/read-event.ts';
import type { MemoryFiles } from '../../../../support/memory-files.ts';
import { createRandom, type Random } from '../../../../support/random.ts';
import { createFakeLog } from '../../fakes.ts';
import { LOCK, SENSOR } from '../samples.ts';
import { createRig, lockFacts, type ZigbeeRig } from './rig.ts';

const PLUG = '0x00158d0000000003';
const NODES = '/state/nodes.json';
const MESSAGES = 150;
/** JSON that reads as infinity, in the place of which a text stands until then. */
const [INFINITY, MARK] = ['1e999', '@infinity'];

const BYTES = [0, 1, 2, 3, 4, 5, 6, 21, 30, 100, 127, 200, 206, 254, 255];
const ODD_NUMBERS = [-0, -1, -50, 0.5, 1.5, 256, 257, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 53, 1e300, -1e300, 1.7e308, MARK];
const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const ODD_TIMES = [0, 0.5, 1, LAST_TIME, LAST_TIME + 1, 8.64e15, 8.64e15 + 1, -1];
const ODD = [null, true, 'locked', '', 'x'.repeat(256), '\ud800', '\u202e\u0000', [1], { deep: 1 }];
const NAMES = ['lockState', 'doorState', 'batteryPercentageRemaining', 'zoneStatus', 'zonestatus', 'zoneType', 'alarmcode', 'clusterid'];
const CLUSTERS = ['closuresDoorLock', 'genPowerCfg', 'ssIasZone', 'genAlarms', 'genOnOff'];
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'x'.repeat(256), ''];

/** Whatever the process may write on a line: mostly what it should, else anything. */
function createLines(random: Random, nowMs: () => number): () => string {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random.unit() * list.length)]!;
  const mostly = <T, U>(good: readonly T[], odd: readonly U[]): T | U => (random.chance(0.6) ? pick(good) : pick(odd));
  const address = () => pick([LOCK, SENSOR, PLUG]);
  const time = () => mostly([nowMs()], ODD_TIMES);
  const values = () =>
    Array.from({ length: 1 + (random.byte() % 4) }, () => [mostly(NAMES, ODD_NAMES), mostly(BYTES, [...ODD_NUMBERS, ...ODD])]);
  const device = () => {
    const clusters = Array.from({ length: random.chance(0.1) ? 256 : random.byte() % 8 }, () => mostly(CLUSTERS, ODD_NAMES));
    return lockFacts({
      ...{ address: address(), kind: pick(['router', 'end_device', 'unknown']), interview: pick(['pending', 'running', 'done', 'failed']) },
      ...{ clusters, lastSeen: mostly([null, nowMs()], ODD_TIMES), checkInSeconds: mostly([null, 3_600], ODD_NUMBERS) as number },
      ...{ model: mostly(['V3', null], ODD) as string, linkQuality: mostly([null, ...BYTES], ODD_NUMBERS) as number },
    });
  };
  const events: (() => object)[] = [
    () => ({ kind: 'device', device: device() }),
    () => ({ kind: 'seen', address: address(), at: time(), linkQuality: mostly([null, ...BYTES], ODD_NUMBERS) }),
    () => ({ kind: 'left', address: address() }),
  ];
  const message = () => {
    const type = pick(['attributeReport', 'commandAlarm', 'commandStatusChangeNotification']);
    // As text: a name may be `__proto__`.
    const told = values().map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const head = JSON.stringify({ address: address(), cluster: mostly(CLUSTERS, ODD_NAMES), type, at: time() });
    return `{"kind":"message","message":${head.slice(0, -1)},"values":{${told.join(',')}}}}`;
  };
  return () => (random.chance(0.7) ? message() : JSON.stringify(pick(events)())).replaceAll(`"${MARK}"`, INFINITY);
}

async function tellAnything({ library, clock, wallClock }: ZigbeeRig, random: Random): Promise<void> {
  for (const address of [LOCK, SENSOR, PLUG]) library.tell({ kind: 'device', device: lockFacts({ address }) });
  const line = createLines(random, wallClock.nowMs);
  for (let count = 0; count < MESSAGES; count += 1) {
    const event = readEvent(line());
    if (event?.kind === 'device' || event?.kind === 'seen' || event?.kind === 'left' || event?.kind === 'message') library.tell(event);
    await clock.advance(random.byte() * 20);
  }
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
const written = (files: MemoryFiles, path: string) => JSON.parse(files.content.get(path)!.toString('utf8')) as Record<string, object[]>;

test.each(Array.from({ length: 25 }, (_, index) => 20_261_129 + index))(
  'whatever the process says, what is saved loads to the same, and what is reported is as in the contract (seed %i)',
  async (seed) => {
    const rig = createRig();
    const { bus, files, clock } = rig;
    const table = createNodeTable({ buses: [bus], files, stateDirectory: '/state', clock, log: rig.log });
    await table.start();
    await rig.up();
    await tellAnything(rig, createRandom(seed));
    await clock.settle(table.stop(), 5_000);

    const log = createFakeLog();
    const nodes = await createNodeStore({ path: NODES, files, log }).load();
    const readings = await createReadingsStore({ path: rig.places.reports, files, log }).load();
    expect(log.events()).toEqual([]);

    const live = bus.nodes();
    const saved = new Map(nodes.map((node) => [node.nodeId, node]));
    // A device that was never heard is not kept.
    for (const { nodeId, firstSeen, zigbee } of live) expect(saved.get(nodeId)?.zigbee).toEqual(firstSeen ? asJson(zigbee) : undefined);
    expect(nodes).toEqual(written(files, NODES).nodes!.map(({ check: _, ...node }: { check?: string }) => node));

    const reports = files.content.has(rig.places.reports) ? written(files, rig.places.reports).devices! : [];
    expect([...readings]).toEqual(
      reports.map(({ check: _, address, ...device }: { check?: string; address?: string }) => [address, device]),
    );

    for (const { zigbee, linkQuality, capabilities } of live) {
      const { batteryPercent, alarm } = zigbee!.readings;
      if (batteryPercent) expect(batteryPercent.value >= 0 && batteryPercent.value <= 100).toBe(true);
      if (alarm) expect(typeof alarm.value).toBe('boolean');
      if (linkQuality !== null) expect(linkQuality >= 0 && linkQuality <= 255).toBe(true);
      for (const capability of capabilities) expect(typeof capability).toBe('string');
      for (const { at } of Object.values(zigbee!.readings)) expect(Date.parse(at)).toBeLessThanOrEqual(rig.wallClock.nowMs());
    }
  },
);
