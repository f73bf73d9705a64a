import type { Air } from './air.ts';
import { concat, u8, u16, u32 } from './bytes.ts';
import { ATTRIBUTE, basicCluster, CLUSTER_ID, cluster, type Make, pollControlCluster, powerCluster } from './clusters.ts';
import { createDevice, type Device, type DeviceFaults, type DeviceOptions } from './device.ts';
import { ZCL_STATUS, ZCL_TYPE } from './zcl.ts';

const ENDPOINT = 1;
const PROFILE_HOME_AUTOMATION = 0x0104;
/** Device identifier of a door lock (Zigbee lighting and occupancy, table 3). */
const DEVICE_DOOR_LOCK = 0x000a;

export const LOCK_STATE = { NOT_FULLY_LOCKED: 0, LOCKED: 1, UNLOCKED: 2 } as const;
export const DOOR_STATE = { OPEN: 0, CLOSED: 1, JAMMED: 2, FORCED_OPEN: 3 } as const;
/** Alarm codes of the door lock cluster (ZCL, table 7-9). */
export const LOCK_ALARM = {
  BOLT_JAMMED: 0,
  FACTORY_RESET: 1,
  RF_POWER_CYCLED: 3,
  WRONG_CODES: 4,
  FRONT_REMOVED: 5,
  FORCED_OPEN: 6,
} as const;

const COMMAND = { LOCK: 0x00, UNLOCK: 0x01, OPERATION_EVENT: 0x20 } as const;
const EVENT = { LOCK: 1, UNLOCK: 2 } as const;
/** Who operated it (ZCL, table 7-13). */
const SOURCE = { KEYPAD: 0, RF: 1, MANUAL: 2 } as const;

export type DoorLockOptions = Partial<Make> &
  Omit<DeviceOptions, 'router' | 'endpoints'> & { batteryPercent?: number; faults?: DeviceFaults };

/** A battery-powered lock on a door with a contact (ZCL, section 7.3). */
export interface DoorLock extends Device {
  /** A person turns it by hand. */
  turn(state: 'locked' | 'unlocked'): void;
  setDoor(state: 'open' | 'closed'): void;
  setBattery(percent: number): void;
  /** Raises an alarm (cluster genAlarms), one of `LOCK_ALARM`. */
  alarm(code: number): void;
}

export function createDoorLock(air: Air, options: DoorLockOptions): DoorLock {
  const make: Make = { manufacturer: 'Example Locks', model: 'ZL-200', softwareBuild: '2.4.1', ...options };

  const turned = (to: number, source: number): void => {
    device.set(CLUSTER_ID.DOOR_LOCK, ATTRIBUTE.LOCK_STATE, to);
    const code = to === LOCK_STATE.LOCKED ? EVENT.LOCK : EVENT.UNLOCK;
    device.notify(ENDPOINT, CLUSTER_ID.DOOR_LOCK, COMMAND.OPERATION_EVENT, concat(u8(source, code), u16(0), u8(0), u32(0), u8(0)));
  };

  const device = createDevice(air, {
    ...options,
    router: false,
    endpoints: (handle) => {
      const clusters = [
        basicCluster(make, true),
        powerCluster(options.batteryPercent ?? 90),
        cluster(CLUSTER_ID.IDENTIFY, [[0x0000, { type: ZCL_TYPE.UINT16, value: 0, writable: true }]]),
        cluster(CLUSTER_ID.ALARMS, [[0x0000, { type: ZCL_TYPE.UINT16, value: 0 }]]),
        pollControlCluster(handle),
        cluster(
          CLUSTER_ID.DOOR_LOCK,
          [
            [ATTRIBUTE.LOCK_STATE, { type: ZCL_TYPE.ENUM8, value: LOCK_STATE.LOCKED, reportable: true }],
            [0x0001, { type: ZCL_TYPE.ENUM8, value: 0 }],
            [0x0002, { type: ZCL_TYPE.BOOL, value: 1 }],
            [ATTRIBUTE.DOOR_STATE, { type: ZCL_TYPE.ENUM8, value: DOOR_STATE.CLOSED, reportable: true }],
          ],
          (command) => {
            if (command !== COMMAND.LOCK && command !== COMMAND.UNLOCK) return ZCL_STATUS.UNSUPPORTED_CLUSTER_COMMAND;
            air.after(50, () => turned(command === COMMAND.LOCK ? LOCK_STATE.LOCKED : LOCK_STATE.UNLOCKED, SOURCE.RF));
            return { command, payload: u8(ZCL_STATUS.SUCCESS) };
          },
        ),
      ];
      const ids = clusters.map(({ id }) => id);
      const descriptor = { endpoint: ENDPOINT, profile: PROFILE_HOME_AUTOMATION, device: DEVICE_DOOR_LOCK, version: 1 };
      return [
        {
          descriptor: { ...descriptor, inClusters: ids, outClusters: [0x000a, 0x0019] },
          clusters: new Map(clusters.map((one) => [one.id, one])),
        },
      ];
    },
  });
  if (options.faults) device.faults = options.faults;

  return Object.assign(device, {
    turn: (state: 'locked' | 'unlocked') => turned(state === 'locked' ? LOCK_STATE.LOCKED : LOCK_STATE.UNLOCKED, SOURCE.MANUAL),
    setDoor: (state: 'open' | 'closed') =>
      device.set(CLUSTER_ID.DOOR_LOCK, ATTRIBUTE.DOOR_STATE, state === 'open' ? DOOR_STATE.OPEN : DOOR_STATE.CLOSED),
    setBattery: (percent: number) => device.set(CLUSTER_ID.POWER, ATTRIBUTE.BATTERY_REMAINING, Math.round(percent * 2)),
    alarm: (code: number) => device.notify(ENDPOINT, CLUSTER_ID.ALARMS, 0, concat(u8(code), u16(CLUSTER_ID.DOOR_LOCK)), { unbound: true }),
  });
}
