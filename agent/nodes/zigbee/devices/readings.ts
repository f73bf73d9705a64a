import type { Readings } from '../../../contract/node.ts';
import { check, type Schema } from '../../../system/schema.ts';
import { ISO_TIME, isoTime } from '../../model.ts';
import type { DeviceMessage } from '../process/words.ts';
import { numberBy, TIME, usableValues, ZONE_TYPE } from './values.ts';

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

/** What is known after a message. Only reports of the bolt count for the bolt: an operation event reports what a user did. */
export function readingsAfter(before: DeviceReadings, { cluster, type, values: told, at }: DeviceMessage): DeviceReadings {
  const { usable: values } = usableValues(told);
  const time = isoTime(at);
  const readings: Readings = { ...before.readings };
  let { zoneType, tamper } = before;
  const lock = LOCK[values.lockState ?? -1];
  const door = DOOR[values.doorState ?? -1];
  if (cluster === 'closuresDoorLock') {
    if (lock) readings.lock = { value: lock, at: time };
    if (door) readings.door = { value: door, at: time };
  }
  const battery = values.batteryPercentageRemaining ?? BATTERY_UNKNOWN;
  if (cluster === 'genPowerCfg' && battery < BATTERY_UNKNOWN) {
    const percent = Math.min(battery / BATTERY_STEPS, 100);
    readings.batteryPercent = { value: percent, at: time };
    readings.batteryLow = { value: percent <= BATTERY_LOW_PERCENT, at: time };
  }
  if (cluster === 'ssIasZone') {
    const status = values.zonestatus ?? values.zoneStatus;
    if (status !== undefined) {
      readings.alarm = { value: (status & (ZONE.alarm1 | ZONE.alarm2)) !== 0, at: time };
      readings.batteryLow = { value: (status & ZONE.battery) !== 0, at: time };
      tamper = { open: (status & ZONE.tamper) !== 0, alarmAt: null };
    }
    zoneType = values.zoneType ?? zoneType;
  }
  const isLockAlarm = cluster === 'genAlarms' && type === 'commandAlarm' && values.clusterid === DOOR_LOCK_CLUSTER;
  if (isLockAlarm && TAMPER_ALARMS.includes(values.alarmcode ?? -1)) tamper = { open: true, alarmAt: at };
  return { readings, zoneType, tamper };
}

/** Whether it is tampered with, as far as it reports that. */
export function isTampered({ tamper }: DeviceReadings, nowMs: number): boolean | null {
  if (tamper === null) return null;
  return tamper.open && (tamper.alarmAt === null || nowMs - tamper.alarmAt < ALARM_STANDS_MS);
}

const reading = (value: Schema): Schema => ({
  type: 'object',
  properties: { value, at: { type: 'string', pattern: ISO_TIME } },
  required: ['value', 'at'],
});

/** As the contract has them. */
const REPORTED: Readonly<Record<keyof Readings, Schema>> = {
  lock: reading({ enum: LOCK }),
  door: reading({ enum: DOOR }),
  alarm: reading({ type: 'boolean' }),
  batteryPercent: reading({ type: 'number', minimum: 0, maximum: 100 }),
  batteryLow: reading({ type: 'boolean' }),
};
const TAMPER: Schema = {
  type: 'object',
  properties: { open: { type: 'boolean' }, alarmAt: { ...TIME, type: ['number', 'null'] } },
  required: ['open', 'alarmAt'],
};

/** Of what a file has: the readings that the contract allows, and how many others there were. Readings of a newer agent are in neither. */
export function soundReadings(found: Readonly<Record<string, unknown>>): { readings: Readings; dropped: number } {
  const told = Object.entries(REPORTED).filter(([name]) => Object.hasOwn(found, name));
  const sound = told.flatMap(([name, schema]) => {
    const result = check(schema, found[name]);
    return result.ok ? [[name, result.value]] : [];
  });
  return { readings: Object.fromEntries(sound), dropped: told.length - sound.length };
}

/** As `soundReadings`, of all that is kept of a device. */
export function soundDevice(found: { readings: Record<string, unknown>; zoneType: unknown; tamper: unknown }): {
  device: DeviceReadings;
  dropped: number;
} {
  const { readings, dropped } = soundReadings(found.readings);
  const zoneType = numberBy(ZONE_TYPE, found.zoneType);
  const switched = check(TAMPER, found.tamper);
  const tamper = switched.ok ? (switched.value as DeviceReadings['tamper']) : null;
  const others = [zoneType === null && found.zoneType !== null, tamper === null && found.tamper !== null].filter(Boolean).length;
  return { device: { readings, zoneType, tamper }, dropped: dropped + others };
}
