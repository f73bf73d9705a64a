import { expect, test } from 'vitest';
import type { Readings } from '../../../../../agent/contract/node.ts';
import { createNodeStore } from '../../../../../agent/nodes/store.ts';
import { type Known, nodeOf, strangerNode } from '../../../../../agent/nodes/zigbee/devices/node.ts';
import { NO_READINGS } from '../../../../../agent/nodes/zigbee/devices/readings.ts';
import { powerOf, silenceOf } from '../../../../../agent/nodes/zigbee/devices/silence.ts';
import type { DeviceFacts } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createFakeLog } from '../../fakes.ts';
import { BUS, lockFacts } from '../bus/rig.ts';
import { LOCK } from '../samples.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const known = (facts: Partial<DeviceFacts> = {}, rest: Partial<Known> = {}): Known => ({
  facts: lockFacts(facts),
  readings: NO_READINGS,
  heardMs: null,
  firstSeen: NOW_MS,
  parent: null,
  ...rest,
});

test('what a device says of itself cannot write to a terminal', () => {
  const hostile = '\u001b[2J\u202elock\u0000\u0007\ud800';
  const { vendor, model, firmwareVersion } = nodeOf(BUS, known({ vendor: hostile, model: hostile, firmware: hostile }), true, NOW_MS);
  for (const text of [vendor, model, firmwareVersion]) expect(text).toBe('·[2J·lock···');
});

test.each([1, 32, 65, 128, 256])('a name of %s characters outlives a restart', async (length) => {
  const files = createMemoryFiles();
  const store = createNodeStore({ path: '/nodes.json', files, log: createFakeLog() });
  const node = nodeOf(BUS, known({ vendor: 'ä'.repeat(length), model: '锁'.repeat(length) }), true, NOW_MS);
  await store.save([node]);
  expect(await store.load()).toEqual([node]);
});

test('of a node that an older agent wrote with a bad reading, the rest is kept', async () => {
  const [files, log] = [createMemoryFiles(), createFakeLog()];
  const store = createNodeStore({ path: '/nodes.json', files, log });
  const at = '2026-01-01T00:00:00.000Z';
  const lock = { value: 'locked' as const, at };
  const told = (readings: Readings) => nodeOf(BUS, known({}, { readings: { ...NO_READINGS, readings } }), true, NOW_MS);
  await store.save([told({ lock, batteryPercent: { value: -25, at }, door: { value: 'open', at: '+275760-09-13T00:00:00.000Z' } })]);
  expect(await store.load()).toEqual([told({ lock })]);
  expect(log.lines).toEqual([]);
});

test.each<[string, Partial<DeviceFacts>, string[]]>([
  ['a lock', { clusters: ['genBasic', 'genPowerCfg', 'closuresDoorLock', 'genAlarms'] }, ['alarms', 'battery', 'door_lock']],
  ['a zone that has not told its kind', { clusters: ['ssIasZone'] }, ['alarm_zone']],
  ['nothing that is known', { clusters: ['64529', ''] }, []],
  ['clusters with the names of what every object has', { clusters: ['constructor', 'toString', '__proto__'] }, []],
  ['a cluster that is named again and again', { clusters: Array(256).fill('genPowerCfg') }, ['battery']],
])('capabilities of %s', (_, facts, capabilities) => {
  expect(nodeOf(BUS, known(facts), true, NOW_MS).capabilities).toEqual(capabilities);
});

test('a zone of a known kind says which', () => {
  const readings = { ...NO_READINGS, zoneType: 0x15 };
  expect(nodeOf(BUS, known({ clusters: ['ssIasZone'] }, { readings }), true, NOW_MS).capabilities).toEqual(['contact']);
});

test('before its interview nothing is said of its security; while the network is down nothing is available', () => {
  expect(nodeOf(BUS, known({ interview: 'running' }), true, NOW_MS)).toMatchObject({ security: null, available: true });
  expect(nodeOf(BUS, known(), false, NOW_MS)).toMatchObject({ security: 'secured', available: false });
  expect(nodeOf(BUS, known({ lastSeen: null }), true, NOW_MS)).toMatchObject({ available: false, lastSeen: null });
  expect(strangerNode(BUS, LOCK)).toMatchObject({ available: false, nodeId: `${BUS}/${LOCK}`, zigbee: { interview: 'unknown_device' } });
});

test.each<[Partial<DeviceFacts>, string, number, string]>([
  [{ powerSource: 'Battery' }, 'battery', 25 * 3600, 'assumed'],
  [{ powerSource: 'Battery', checkInSeconds: 7200 }, 'battery', 3 * 7200, 'check_in'],
  [{ powerSource: 'Battery', checkInSeconds: 10 }, 'battery', 300, 'check_in'],
  [{ powerSource: 'Battery', checkInSeconds: 0 }, 'battery', 25 * 3600, 'assumed'],
  [{ powerSource: 'Mains (single phase)' }, 'mains', 1500, 'assumed'],
  [{ powerSource: null }, 'unknown', 25 * 3600, 'assumed'],
  [{ powerSource: 'Unknown', kind: 'router' }, 'mains', 1500, 'assumed'],
  [{ powerSource: 'Battery', kind: 'router' }, 'battery', 1500, 'assumed'],
])('%j: %s, silent after %s s', (facts, power, seconds, from) => {
  expect(powerOf(lockFacts(facts))).toBe(power);
  expect(silenceOf(lockFacts(facts))).toEqual({ silentAfterSeconds: seconds, silentAfterFrom: from });
});
