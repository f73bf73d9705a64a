import { describe, expect, test } from 'vitest';
import { isTampered, NO_READINGS, readingsAfter } from '../../../../../agent/nodes/zigbee/devices/readings.ts';
import type { DeviceMessage } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { LOCK } from '../samples.ts';

const AT = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const said = (cluster: string, values: DeviceMessage['values'], type = 'attributeReport'): DeviceMessage => ({
  address: LOCK,
  cluster,
  type,
  values,
  at: AT,
});
const knownAfter = (...messages: DeviceMessage[]) => messages.reduce(readingsAfter, NO_READINGS);
const valuesAfter = (...messages: DeviceMessage[]) =>
  Object.fromEntries(Object.entries(knownAfter(...messages).readings).map(([name, { value }]) => [name, value]));

test.each<[string, DeviceMessage, object]>([
  ['a bolt', said('closuresDoorLock', { lockState: 1 }), { lock: 'locked' }],
  ['a bolt that is stuck', said('closuresDoorLock', { lockState: 0 }), { lock: 'not_fully_locked' }],
  ['a door', said('closuresDoorLock', { doorState: 3 }), { door: 'forced_open' }],
  ['both', said('closuresDoorLock', { lockState: 2, doorState: 0 }), { lock: 'unlocked', door: 'open' }],
  ['half per cents', said('genPowerCfg', { batteryPercentageRemaining: 31 }), { batteryPercent: 15.5, batteryLow: false }],
  ['a low battery', said('genPowerCfg', { batteryPercentageRemaining: 30 }), { batteryPercent: 15, batteryLow: true }],
  ['more than full', said('genPowerCfg', { batteryPercentageRemaining: 254 }), { batteryPercent: 100, batteryLow: false }],
  ['a contact', said('ssIasZone', { zonestatus: 0b1001 }, 'commandStatusChangeNotification'), { alarm: true, batteryLow: true }],
  ['a contact that is asked', said('ssIasZone', { zoneStatus: 0 }), { alarm: false, batteryLow: false }],
])('%s is told in the words of the contract, with its time', (_, message, values) => {
  expect(valuesAfter(message)).toEqual(values);
  for (const { at } of Object.values(knownAfter(message).readings)) expect(at).toBe('2026-01-01T00:00:00.000Z');
});

test.each<[string, DeviceMessage]>([
  ['a state that the standard has not', said('closuresDoorLock', { lockState: 7, doorState: 255 })],
  ['text in place of a number', said('closuresDoorLock', { lockState: 'locked' })],
  ['a battery below zero, sent with a sign', said('genPowerCfg', { batteryPercentageRemaining: -50 })],
  ['a battery as a fraction', said('genPowerCfg', { batteryPercentageRemaining: 30.5 })],
  ['a battery of more bytes', said('genPowerCfg', { batteryPercentageRemaining: 256 })],
  ['a zone type as a fraction', said('ssIasZone', { zoneType: 1.5 })],
  ['a zone type of more bytes', said('ssIasZone', { zoneType: 65_536 })],
  ['a zone status with a sign', said('ssIasZone', { zoneStatus: -1 })],
  ['a zone status as a fraction', said('ssIasZone', { zonestatus: 4.5 })],
  ['a battery that is not known', said('genPowerCfg', { batteryPercentageRemaining: 255 })],
  ['a state of another cluster', said('genOnOff', { lockState: 1, doorState: 1, batteryPercentageRemaining: 9, zonestatus: 1 })],
  [
    'an operation: it says what somebody did, not where the bolt is',
    said('closuresDoorLock', { opereventcode: 2 }, 'commandOperationEventNotification'),
  ],
])('%s tells nothing', (_, message) => {
  expect(knownAfter(message)).toEqual(NO_READINGS);
});

test('a value that cannot be costs only itself', () => {
  expect(valuesAfter(said('closuresDoorLock', { lockState: 1, doorState: -1 }))).toEqual({ lock: 'locked' });
  const contact = knownAfter(said('ssIasZone', { zoneType: 0x15 }), said('ssIasZone', { zoneType: 1.5, zonestatus: 1 }));
  expect(contact).toMatchObject({ zoneType: 0x15, readings: { alarm: { value: true } } });
});

test('what was told before stays beside what is new', () => {
  expect(valuesAfter(said('closuresDoorLock', { lockState: 1 }), said('genPowerCfg', { batteryPercentageRemaining: 200 }))).toEqual({
    lock: 'locked',
    batteryPercent: 100,
    batteryLow: false,
  });
});

describe('tamper', () => {
  const alarm = (alarmcode: number, clusterid = 257) => said('genAlarms', { alarmcode, clusterid }, 'commandAlarm');

  test.each([4, 5, 6])('alarm %s of a lock stands for an hour, since its end is not told', (code) => {
    const readings = knownAfter(alarm(code));
    expect([AT, AT + HOUR_MS - 1, AT + HOUR_MS].map((at) => isTampered(readings, at))).toEqual([true, true, false]);
  });

  test.each([alarm(0), alarm(9), alarm(4, 6), said('genAlarms', { alarmcode: 4, clusterid: 257 }, 'read')])(
    'another one is none: %j',
    (message) => {
      expect(isTampered(knownAfter(message), AT)).toBeNull();
    },
  );

  test('of a switch stands until it closes', () => {
    const open = knownAfter(said('ssIasZone', { zonestatus: 0b100 }));
    expect(isTampered(open, AT + 100 * HOUR_MS)).toBe(true);
    expect(isTampered(readingsAfter(open, said('ssIasZone', { zonestatus: 0 })), AT)).toBe(false);
  });
});
