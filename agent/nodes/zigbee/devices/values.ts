import { check, type Schema } from '../../../system/schema.ts';
import { LAST_WRITABLE_MS } from '../../model.ts';

/**
 * The rules for what a device says. A ZCL frame has the data type of each value in it, and the library decodes by that type: a device can
 * send any number, or a text, for any attribute (ZCL, 2.6.2).
 */
const whole = (maximum: number): Schema => ({ type: 'integer', minimum: 0, maximum });
const ONE_BYTE = whole(0xff);
const TWO_BYTES = whole(0xffff);

/** When something was heard, epoch milliseconds. */
export const TIME: Schema = { type: 'number', minimum: 0, maximum: LAST_WRITABLE_MS };
/** ZCL, 3.16.4.2.1: at most 0x6e0000 quarters of a second. */
export const CHECK_IN_SECONDS: Schema = { type: 'number', minimum: 0, maximum: 0x6e0000 / 4 };
/** ZCL, 8.2.2.2.1.2: an enumeration of 16 bits. */
export const ZONE_TYPE: Schema = TWO_BYTES;

/** Each value that may leave the library's process, as wide as its type in the standard. Codes, users and keys of locks are not among them. */
const RULES = {
  lockState: ONE_BYTE,
  doorState: ONE_BYTE,
  batteryPercentageRemaining: ONE_BYTE,
  batteryAlarmState: whole(0xffff_ffff),
  zoneStatus: TWO_BYTES,
  zonestatus: TWO_BYTES,
  zoneType: ZONE_TYPE,
  alarmcode: ONE_BYTE,
  clusterid: TWO_BYTES,
  opereventcode: ONE_BYTE,
  opereventsrc: ONE_BYTE,
} satisfies Record<string, Schema>;

/** The name of a value, in the library's words. */
export type ValueName = keyof typeof RULES;

const NAMES = Object.keys(RULES) as ValueName[];

/** Whether a value of this name may leave the library's process. */
export const isPassedOn = (name: string): boolean => Object.hasOwn(RULES, name);

/** The number, when the rule takes it; else null. */
export const numberBy = (rule: Schema, value: unknown): number | null => (check(rule, value).ok ? (value as number) : null);

/** The values that the standard allows, and the names of the others. Names that are not passed on are in neither. */
export function usableValues(values: Readonly<Record<string, unknown>>): {
  usable: Partial<Record<ValueName, number>>;
  dropped: ValueName[];
} {
  const told = NAMES.filter((name) => Object.hasOwn(values, name));
  const dropped = told.filter((name) => numberBy(RULES[name], values[name]) === null);
  const usable = Object.fromEntries(told.filter((name) => !dropped.includes(name)).map((name) => [name, values[name]]));
  return { usable, dropped };
}
