import type { Readings } from '../../../contract/node.ts';
import type { Schema } from '../../../system/schema.ts';
import { isoTime } from '../../model.ts';
import type { DeviceMessage } from '../process/words.ts';

/** What a device reported last, in the words of the contract, and what only the hub needs of it. */
export interface DeviceReadings {
  readings: Readings;
  /** ZCL, 8.2.2.2.1.2, ZoneType; null: not told. */
  zoneType: number | null;
  /** Of a switch that says when it closes again, or of an alarm, which does not: then when it was raised, epoch milliseconds. */
  tamper: { open: boolean; alarmAt: number | null } | null;
}

export const NO_READINGS: DeviceReadings = { readings: {}, zoneType: null, tamper: null };

/** ZCL, 7.3.2.6 and 7.3.2.9. */
const LOCK = ['not_fully_locked', 'locked', 'unlocked'] as const;
const DOOR = ['open', 'closed', 'jammed', 'forced_open', 'unspecified'] as const;
/** ZCL, 8.2.2.2.1.3, ZoneStatus. */
const ZONE = { alarm1: 1 << 0, alarm2: 1 << 1, tamper: 1 << 2, battery: 1 << 3 };
/** ZCL, table 7-17: wrong codes, a part removed, a forced door. */
const TAMPER_ALARMS = [0x04, 0x05, 0x06];
const DOOR_LOCK_CLUSTER = 257;
/** ZCL, 3.3.2.2.3.2: half per cent. */
const BATTERY_STEPS = 2;
const BATTERY_UNKNOWN = 0xff;
const BATTERY_LOW_PERCENT = 15;
/** A lock reports that it is tampered with, and not the end of it. */
const ALARM_STANDS_MS = 3_600_000;

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** What is known after a message. Only reports of the bolt count for the bolt: an operation event reports what a user did. */
export function readingsAfter(before: DeviceReadings, { cluster, type, values, at }: DeviceMessage): DeviceReadings {
  const time = isoTime(at);
  const readings: Readings = { ...before.readings };
  let { zoneType, tamper } = before;
  const lock = LOCK[numberOf(values.lockState) ?? -1];
  const door = DOOR[numberOf(values.doorState) ?? -1];
  if (cluster === 'closuresDoorLock') {
    if (lock) readings.lock = { value: lock, at: time };
    if (door) readings.door = { value: door, at: time };
  }
  const battery = numberOf(values.batteryPercentageRemaining);
  if (cluster === 'genPowerCfg' && battery !== null && battery < BATTERY_UNKNOWN) {
    const percent = Math.min(battery / BATTERY_STEPS, 100);
    readings.batteryPercent = { value: percent, at: time };
    readings.batteryLow = { value: percent <= BATTERY_LOW_PERCENT, at: time };
  }
  if (cluster === 'ssIasZone') {
    const status = numberOf(values.zonestatus) ?? numberOf(values.zoneStatus);
    if (status !== null) {
      readings.alarm = { value: (status & (ZONE.alarm1 | ZONE.alarm2)) !== 0, at: time };
      readings.batteryLow = { value: (status & ZONE.battery) !== 0, at: time };
      tamper = { open: (status & ZONE.tamper) !== 0, alarmAt: null };
    }
    zoneType = numberOf(values.zoneType) ?? zoneType;
  }
  const isLockAlarm = cluster === 'genAlarms' && type === 'commandAlarm' && values.clusterid === DOOR_LOCK_CLUSTER;
  if (isLockAlarm && TAMPER_ALARMS.includes(numberOf(values.alarmcode) ?? -1)) tamper = { open: true, alarmAt: at };
  return { readings, zoneType, tamper };
}

/** Whether it is tampered with, as far as it reports that. */
export function isTampered({ tamper }: DeviceReadings, nowMs: number): boolean | null {
  if (tamper === null) return null;
  return tamper.open && (tamper.alarmAt === null || nowMs - tamper.alarmAt < ALARM_STANDS_MS);
}

const reading = (value: Schema): Schema => ({
  type: 'object',
  properties: { value, at: { type: 'string', pattern: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/ } },
  required: ['value', 'at'],
});

/** As the contract has them; for readers of a file. */
export const READINGS_SCHEMA: Schema = {
  type: 'object',
  properties: {
    lock: reading({ enum: LOCK }),
    door: reading({ enum: DOOR }),
    alarm: reading({ type: 'boolean' }),
    batteryPercent: reading({ type: 'number', minimum: 0, maximum: 100 }),
    batteryLow: reading({ type: 'boolean' }),
  },
};
