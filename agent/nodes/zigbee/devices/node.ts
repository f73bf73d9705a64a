import type { Node } from '../../../contract/node.ts';
import { printable } from '../../../system/printable.ts';
import { isoTime, unknownNode } from '../../model.ts';
import type { DeviceFacts } from '../process/words.ts';
import { type DeviceReadings, isTampered } from './readings.ts';
import { powerOf, silenceOf } from './silence.ts';

/** Everything that is known of a paired device. */
export interface Known {
  facts: DeviceFacts;
  readings: DeviceReadings;
  /** When it was first heard since the bus was made, epoch milliseconds. */
  firstSeen: number | null;
  /** When it was last heard since the bus was made, by the monotonic clock, milliseconds; null: not yet. */
  heardMs: number | null;
  parent: string | null;
}

/** What its clusters let a device do. */
const CAPABILITIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    closuresDoorLock: 'door_lock',
    genPowerCfg: 'battery',
    genOnOff: 'on_off',
    msTemperatureMeasurement: 'temperature',
    msRelativeHumidity: 'humidity',
    msOccupancySensing: 'occupancy',
    genAlarms: 'alarms',
    genOta: 'ota',
  }),
);
/** ZCL, table 8-5, ZoneType. */
const ZONES: ReadonlyMap<number, string> = new Map([
  [0x0d, 'motion'],
  [0x15, 'contact'],
  [0x28, 'fire'],
  [0x2a, 'water'],
  [0x2b, 'carbon_monoxide'],
  [0x2d, 'vibration'],
]);

/** What a device says of itself came over the air: it may hold anything. */
const shown = (text: string | null) => (text === null ? null : printable(text));

function capabilitiesOf({ facts, readings }: Known): string[] {
  const zone = facts.clusters.includes('ssIasZone') ? [ZONES.get(readings.zoneType ?? -1) ?? 'alarm_zone'] : [];
  return [...new Set([...facts.clusters.flatMap((cluster) => CAPABILITIES.get(cluster) ?? []), ...zone])].sort();
}

/** Whether the device was heard in the time that is usual for its kind. */
function isHeard({ facts }: Known, nowMs: number): boolean {
  return facts.lastSeen !== null && nowMs - facts.lastSeen < silenceOf(facts).silentAfterSeconds * 1000;
}

/** @param isUp whether the network works: what cannot be heard is not available */
export function nodeOf(bus: string, known: Known, isUp: boolean, nowMs: number): Node {
  const { facts, readings, firstSeen, parent } = known;
  const isInterviewed = facts.interview === 'done';
  return {
    ...unknownNode(bus, 'zigbee', facts.address),
    available: isUp && isHeard(known, nowMs),
    lastSeen: facts.lastSeen === null ? null : isoTime(facts.lastSeen),
    firstSeen: firstSeen === null ? null : isoTime(firstSeen),
    vendor: shown(facts.vendor),
    model: shown(facts.model),
    firmwareVersion: shown(facts.firmware),
    capabilities: capabilitiesOf(known),
    // It speaks with the network's key; before the interview nothing is known of how it got it.
    security: isInterviewed ? 'secured' : null,
    tamper: isTampered(readings, nowMs),
    powerFault: readings.readings.batteryLow?.value ?? null,
    linkQuality: facts.linkQuality,
    zigbee: {
      interview: facts.interview,
      kind: facts.kind,
      power: powerOf(facts),
      ...silenceOf(facts),
      parent,
      readings: readings.readings,
    },
  };
}

/** A device that the coordinator knows and the library does not: it was paired, and has to be heard, or removed. */
export function strangerNode(bus: string, address: string): Node {
  const facts: DeviceFacts = {
    address,
    kind: 'unknown',
    vendor: null,
    model: null,
    firmware: null,
    powerSource: null,
    interview: 'pending',
    linkQuality: null,
    lastSeen: null,
    checkInSeconds: null,
    clusters: [],
  };
  return {
    ...unknownNode(bus, 'zigbee', address),
    zigbee: { interview: 'unknown_device', kind: 'unknown', power: 'unknown', ...silenceOf(facts), parent: null, readings: {} },
  };
}
