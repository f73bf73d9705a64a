import { expect, test } from 'vitest';
import { type DeviceReadings, NO_READINGS } from '../../../../../agent/nodes/zigbee/devices/readings.ts';
import { createReadingsStore } from '../../../../../agent/nodes/zigbee/devices/readings-store.ts';
import { sealed } from '../../../../../agent/system/seal.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createFakeLog } from '../../fakes.ts';
import { LOCK, SENSOR } from '../samples.ts';

const PATH = '/state/reports.json';
const at = '2026-01-01T00:00:00.000Z';
const LOCKED: DeviceReadings = { ...NO_READINGS, readings: { lock: { value: 'locked', at } } };
const CONTACT: DeviceReadings = { readings: { alarm: { value: true, at } }, zoneType: 0x15, tamper: { open: true, alarmAt: null } };

function createRig(content?: unknown) {
  const [files, log] = [createMemoryFiles(), createFakeLog()];
  if (content !== undefined) files.content.set(PATH, Buffer.from(JSON.stringify(content)));
  const text = () => files.content.get(PATH)!.toString('utf8');
  return { files, log, text, store: createReadingsStore({ path: PATH, files, log }) };
}

test('what was saved is loaded', async () => {
  const { store, log } = createRig();
  const devices = new Map([
    [LOCK, LOCKED],
    [SENSOR, CONTACT],
  ]);
  await store.save(devices);
  expect(await store.load()).toEqual(devices);
  expect(log.lines).toEqual([]);
});

test.each([
  ['a flipped bit', (text: string) => text.replace('locked', 'loched')],
  ['an entry that is none', (text: string) => text.replace('"devices":[{', '"devices":[[],{').replace('locked', 'lockee')],
])('%s costs the device that it is in, and is told', async (_, spoil) => {
  const { store, files, text, log } = createRig();
  await store.save(
    new Map([
      [LOCK, LOCKED],
      [SENSOR, CONTACT],
    ]),
  );
  files.content.set(PATH, Buffer.from(spoil(text())));
  expect(await store.load()).toEqual(new Map([[SENSOR, CONTACT]]));
  expect(log.lines).toMatchObject([{ level: 'warn', event: 'zigbee_readings_damaged', kept: 1, path: PATH }]);
});

test('a value that breaks a rule, as an older agent wrote it with one checksum for all, costs only itself', async () => {
  const readings = { ...LOCKED.readings, batteryPercent: { value: -25, at }, door: { value: 'open', at: '+275760-09-13T00:00:00.000Z' } };
  const { store, log } = createRig(
    sealed({
      version: 1,
      devices: [
        { address: LOCK, ...LOCKED, readings },
        { address: SENSOR, ...CONTACT, zoneType: 1.5, tamper: { open: true, alarmAt: 8.64e15 } },
      ],
    }),
  );
  expect(await store.load()).toEqual(
    new Map([
      [LOCK, LOCKED],
      [SENSOR, { ...CONTACT, zoneType: null, tamper: null }],
    ]),
  );
  expect(log.lines).toMatchObject([{ kept: 2, lost: 0, lostValues: 4 }]);
});

test('a reading of a newer agent is no damage', async () => {
  const { store, log } = createRig({ version: 1, devices: [{ address: LOCK, ...LOCKED, readings: { ...LOCKED.readings, smoke: 1 } }] });
  expect(await store.load()).toEqual(new Map([[LOCK, LOCKED]]));
  expect(log.lines).toEqual([]);
});
