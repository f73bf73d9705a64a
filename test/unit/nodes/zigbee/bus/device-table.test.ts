import { expect, test } from 'vitest';
import type { Node } from '../../../../../agent/contract/node.ts';
import { createDeviceTable } from '../../../../../agent/nodes/zigbee/bus/device-table.ts';
import { NO_READINGS } from '../../../../../agent/nodes/zigbee/devices/readings.ts';
import { createReadingsStore } from '../../../../../agent/nodes/zigbee/devices/readings-store.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { createFakeLog } from '../../fakes.ts';
import { LOCK, SENSOR } from '../samples.ts';
import { BUS, lockFacts } from './rig.ts';

const PLUG = '0x00158d0000000003';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function createRig() {
  const clock = createSteppedClock();
  let setMs = 0;
  const wallClock = { nowMs: () => Date.UTC(2026, 0, 1) + setMs + clock.nowMs() };
  const [files, log] = [createMemoryFiles(), createFakeLog()];
  const store = createReadingsStore({ path: '/state/reports.json', files, log });
  const [nodes, gone, asked]: [Node[], string[], string[]] = [[], [], []];
  const table = createDeviceTable({
    bus: BUS,
    store,
    ask: (address) => void asked.push(address),
    onNode: (node) => void nodes.push(node),
    onGone: (address) => void gone.push(address),
    clock,
    wallClock,
    log,
  });
  const report = (address: string, values: Record<string, number>, cluster = 'closuresDoorLock') =>
    table.message({ address, cluster, type: 'attributeReport', values, at: wallClock.nowMs() });
  const setClock = (byMs: number) => {
    setMs += byMs;
  };
  return { setClock, clock, wallClock, files, log, store, table, nodes, gone, asked, report };
}

const strangers = (...addresses: string[]) => addresses.map((address, index) => ({ address, networkAddress: index + 1 }));

test('a lock that reports twenty times a second writes once a minute, and tells each change of what it says', async () => {
  const { table, clock, files, report, nodes } = createRig();
  table.linkUp();
  table.device(lockFacts());
  nodes.length = 0;
  for (let count = 0; count < 20 * 120; count += 1) {
    report(LOCK, { lockState: 1 });
    await clock.advance(50);
  }
  expect(files.writes.length).toBeLessThanOrEqual(3);
  // The time of a value that stays is news to nobody but who asks.
  expect(nodes.length).toBeLessThan(10);
  expect(table.nodes()[0]!.zigbee!.readings.lock!.at).toBe(new Date(Date.UTC(2026, 0, 1) + clock.nowMs() - 50).toISOString());
  report(LOCK, { lockState: 2 });
  expect(nodes.at(-1)!.zigbee!.readings.lock!.value).toBe('unlocked');
  await table.stop();
  expect(clock.timers).toBe(0);
});

test.each([
  ['ten years forward', 10 * 365 * 24 * HOUR_MS],
  ['a year back', -365 * 24 * HOUR_MS],
])('a clock that is set %s after a device was heard makes it neither silent nor heard for ever', async (_, byMs) => {
  const { table, clock, wallClock, setClock, nodes, asked } = createRig();
  table.device(lockFacts({ lastSeen: null, checkInSeconds: 3_600 }));
  table.device(lockFacts({ address: PLUG, kind: 'router', powerSource: 'Mains (single phase)', lastSeen: null }));
  for (const address of [LOCK, PLUG]) table.seen(address, wallClock.nowMs(), 100);
  table.linkUp();
  await clock.advance(5 * MINUTE_MS);
  nodes.length = 0;
  setClock(byMs);
  await clock.advance(2 * MINUTE_MS);
  expect(nodes).toEqual([]);
  expect(asked).toEqual([]);
  expect(table.nodes().map(({ available }) => available)).toEqual([true, true]);
  expect(table.nodes()[0]!.lastSeen).toBe(new Date(wallClock.nowMs() - 7 * MINUTE_MS).toISOString());
  await clock.advance(3 * HOUR_MS);
  expect(table.nodes().map(({ available }) => available)).toEqual([false, false]);
  expect(asked.length).toBeGreaterThan(2);
  await table.stop();
});

test('a device with mains power is asked after ten minutes of silence and lost after twenty-five; a sleeping one is never asked', async () => {
  const { table, clock, asked, nodes } = createRig();
  table.linkUp();
  table.device(lockFacts());
  table.device(lockFacts({ address: PLUG, kind: 'router', powerSource: 'Mains (single phase)' }));
  await clock.advance(26 * MINUTE_MS);
  expect(asked).toEqual([PLUG, PLUG]);
  expect(nodes.at(-1)).toMatchObject({ address: PLUG, available: false });
  await clock.advance(25 * HOUR_MS);
  expect(nodes.findLast(({ address }) => address === LOCK)).toMatchObject({ available: false });
  expect(asked).not.toContain(LOCK);
  table.seen(LOCK, Date.UTC(2026, 0, 1) + clock.nowMs(), 12);
  expect(nodes.at(-1)).toMatchObject({ address: LOCK, available: true, linkQuality: 12 });
  await table.stop();
});

test('a time in the future is no reason to believe that a device is there for ever', async () => {
  const { table, wallClock } = createRig();
  table.linkUp();
  table.device(lockFacts());
  table.seen(LOCK, wallClock.nowMs() + 365 * 24 * HOUR_MS, null);
  expect(table.nodes()[0]!.lastSeen).toBe(new Date(wallClock.nowMs()).toISOString());
  await table.stop();
});

test('what was reported before a restart is there with its time; for a device that was never told of, nothing is', async () => {
  const { table, store } = createRig();
  const lock = { value: 'locked' as const, at: '2025-12-31T00:00:00.000Z' };
  await store.save(new Map([[LOCK, { ...NO_READINGS, readings: { lock } }]]));
  await table.load();
  table.device(lockFacts());
  table.device(lockFacts({ address: SENSOR }));
  expect(table.nodes().map(({ zigbee }) => zigbee!.readings)).toEqual([{ lock }, {}]);
  table.clear();
  table.device(lockFacts());
  expect(table.nodes()[0]!.zigbee!.readings).toEqual({});
});

test.each(['{', '{"version":2}', '\0'.repeat(64), JSON.stringify({ version: 1, devices: [{ address: LOCK }] })])(
  'a file of reports that is damaged is told, put aside and no reason to stop: %j',
  async (text) => {
    const { files, store, log } = createRig();
    files.content.set('/state/reports.json', Buffer.from(text));
    expect(await store.load()).toEqual(new Map());
    expect(log.events()).toContain('zigbee_readings_damaged');
  },
);

test('values that the standard does not allow are dropped, and told at debug ever more rarely for each device', () => {
  const { table, log, report } = createRig();
  for (const address of [LOCK, SENSOR]) table.device(lockFacts({ address }));
  report(PLUG, { batteryPercentageRemaining: -50 }, 'genPowerCfg');
  for (let count = 0; count < 1_000; count += 1) report(LOCK, { batteryPercentageRemaining: -50, lockState: 1 }, 'genPowerCfg');
  report(SENSOR, { batteryPercentageRemaining: 1e300 }, 'genPowerCfg');
  report(SENSOR, { batteryPercentageRemaining: 100 }, 'genPowerCfg');
  const told = log.lines.filter(({ event }) => event === 'zigbee_values_dropped');
  expect(told.map(({ level }) => level)).toEqual(Array(11).fill('debug'));
  expect(told.at(-2)).toMatchObject({ address: LOCK, cluster: 'genPowerCfg', names: ['batteryPercentageRemaining'], count: 512 });
  expect(told.at(-1)).toMatchObject({ address: SENSOR, count: 1 });
  expect(table.nodes().map(({ zigbee }) => zigbee!.readings.batteryPercent?.value)).toEqual([undefined, 50]);
});

test('a report of the future is one of now: an alarm must not stand for ever', async () => {
  const { table, clock, wallClock } = createRig();
  table.device(lockFacts());
  const values = { alarmcode: 4, clusterid: 257 };
  table.message({ address: LOCK, cluster: 'genAlarms', type: 'commandAlarm', values, at: wallClock.nowMs() + 365 * 24 * HOUR_MS });
  expect(table.nodes()[0]!.tamper).toBe(true);
  await clock.advance(HOUR_MS);
  expect(table.nodes()[0]!.tamper).toBe(false);
  await table.stop();
});

test('a disk that takes no reports is told, and the next report is written', async () => {
  const { table, clock, files, log, report } = createRig();
  table.device(lockFacts());
  files.full = true;
  report(LOCK, { lockState: 1 });
  await clock.advance(2 * MINUTE_MS);
  expect(log.events()).toContain('zigbee_readings_not_saved');
  files.full = false;
  report(LOCK, { lockState: 2 });
  await clock.advance(2 * MINUTE_MS);
  expect(files.content.get('/state/reports.json')!.toString()).toContain('unlocked');
  await table.stop();
});

test('a database that somebody filled does not fill the hub', () => {
  const { table } = createRig();
  for (let index = 0; index < 5_000; index += 1) table.device(lockFacts({ address: `0x${index.toString(16).padStart(16, '0')}` }));
  expect(table.nodes()).toHaveLength(1_000);
  table.strangers(strangers(...Array.from({ length: 5_000 }, (_, index) => `0x1${index.toString(16).padStart(15, '0')}`)));
  expect(table.nodes()).toHaveLength(2_000);
});

test('a device that only the coordinator knows is listed until it is heard, or gone', () => {
  const { table, nodes, gone } = createRig();
  table.device(lockFacts());
  table.strangers(strangers(LOCK, SENSOR, PLUG));
  expect(table.nodes().map(({ address }) => address)).toEqual([LOCK, SENSOR, PLUG]);
  expect(nodes.at(-1)!.zigbee!.interview).toBe('unknown_device');
  table.strangers(strangers(LOCK, PLUG));
  expect(gone).toEqual([SENSOR]);
  table.device(lockFacts({ address: PLUG }));
  table.strangers([]);
  expect(gone).toEqual([SENSOR]);
  expect(table.nodes().map(({ address }) => address)).toEqual([LOCK, PLUG]);
});

test('what a message says of a device that is not paired changes nothing', () => {
  const { table, nodes, report } = createRig();
  report(LOCK, { lockState: 1 });
  table.seen(LOCK, 1, null);
  table.left(LOCK);
  table.parents(new Map([[LOCK, PLUG]]));
  expect([nodes, table.nodes()]).toEqual([[], []]);
});

test('the router that a device hangs on is told once', () => {
  const { table, nodes } = createRig();
  table.device(lockFacts());
  nodes.length = 0;
  for (const _ of [1, 2]) table.parents(new Map([[LOCK, PLUG]]));
  expect(nodes).toMatchObject([{ zigbee: { parent: PLUG } }]);
});
