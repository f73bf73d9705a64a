import type { Attribute, Cluster } from './cluster.ts';
import type { DeviceHandle } from './device.ts';
import { ZCL_STATUS, ZCL_TYPE } from './zcl.ts';

/** Clusters of the twin's devices (ZCL revision 8). */
export const CLUSTER_ID = {
  BASIC: 0x0000,
  POWER: 0x0001,
  IDENTIFY: 0x0003,
  ON_OFF: 0x0006,
  ALARMS: 0x0009,
  POLL_CONTROL: 0x0020,
  DOOR_LOCK: 0x0101,
  IAS_ZONE: 0x0500,
} as const;

/** Attributes that a test or the demo changes. */
export const ATTRIBUTE = {
  BATTERY_VOLTAGE: 0x20,
  /** Half percents. */
  BATTERY_REMAINING: 0x21,
  BATTERY_ALARM_STATE: 0x3e,
  LOCK_STATE: 0x00,
  DOOR_STATE: 0x03,
  ZONE_STATUS: 0x02,
  ON_OFF: 0x00,
} as const;

export type AttributeRow = readonly [id: number, attribute: Attribute];

export function cluster(id: number, attributes: readonly AttributeRow[], command?: Cluster['command']): Cluster {
  const own = new Map(attributes.map(([key, attribute]) => [key, { ...attribute }]));
  return { id, attributes: own, reporting: new Map(), ...(command && { command }) };
}

/** Who made it, and what it runs. */
export interface Make {
  manufacturer: string;
  model: string;
  softwareBuild: string;
}

const SOURCE = { MAINS: 1, BATTERY: 3 } as const;

export function basicCluster({ manufacturer, model, softwareBuild }: Make, battery: boolean): Cluster {
  return cluster(CLUSTER_ID.BASIC, [
    [0x0000, { type: ZCL_TYPE.UINT8, value: 8 }],
    [0x0001, { type: ZCL_TYPE.UINT8, value: 3 }],
    [0x0002, { type: ZCL_TYPE.UINT8, value: 2 }],
    [0x0003, { type: ZCL_TYPE.UINT8, value: 1 }],
    [0x0004, { type: ZCL_TYPE.STRING, value: manufacturer }],
    [0x0005, { type: ZCL_TYPE.STRING, value: model }],
    [0x0006, { type: ZCL_TYPE.STRING, value: '20240115' }],
    [0x0007, { type: ZCL_TYPE.ENUM8, value: battery ? SOURCE.BATTERY : SOURCE.MAINS }],
    [0x4000, { type: ZCL_TYPE.STRING, value: softwareBuild }],
  ]);
}

export function powerCluster(percent: number): Cluster {
  return cluster(CLUSTER_ID.POWER, [
    [ATTRIBUTE.BATTERY_VOLTAGE, { type: ZCL_TYPE.UINT8, value: 60, reportable: true }],
    [ATTRIBUTE.BATTERY_REMAINING, { type: ZCL_TYPE.UINT8, value: percent * 2, reportable: true }],
    [ATTRIBUTE.BATTERY_ALARM_STATE, { type: ZCL_TYPE.MAP32, value: 0, reportable: true }],
  ]);
}

const POLL_COMMAND = { CHECK_IN_RESPONSE: 0, STOP: 1, SET_LONG: 2, SET_SHORT: 3 } as const;
const QUARTER_MS = 250;

/** Intervals are quarters of a second on the wire. */
export function pollControlCluster({ polling }: DeviceHandle): Cluster {
  const { checkInMs, longPollMs, shortPollMs } = polling.settings;
  return cluster(
    CLUSTER_ID.POLL_CONTROL,
    [
      [0x0000, { type: ZCL_TYPE.UINT32, value: Math.ceil(checkInMs / QUARTER_MS), writable: true }],
      [0x0001, { type: ZCL_TYPE.UINT32, value: Math.ceil(longPollMs / QUARTER_MS) }],
      [0x0002, { type: ZCL_TYPE.UINT16, value: Math.ceil(shortPollMs / QUARTER_MS) }],
      [0x0003, { type: ZCL_TYPE.UINT16, value: 40, writable: true }],
    ],
    (command, reader) => {
      switch (command) {
        case POLL_COMMAND.CHECK_IN_RESPONSE:
          if (reader.u8() === 1) polling.stayAwake(reader.u16() * QUARTER_MS);
          return ZCL_STATUS.SUCCESS;
        case POLL_COMMAND.STOP:
          polling.sleep();
          return ZCL_STATUS.SUCCESS;
        default:
          return ZCL_STATUS.UNSUPPORTED_CLUSTER_COMMAND;
      }
    },
  );
}
