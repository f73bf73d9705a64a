import type { Air } from './air.ts';
import { concat, u8, u16 } from './bytes.ts';
import { ATTRIBUTE, basicCluster, CLUSTER_ID, cluster, type Make, pollControlCluster, powerCluster } from './clusters.ts';
import { createDevice, type Device, type DeviceOptions } from './device.ts';
import { ZCL_STATUS, ZCL_TYPE } from './zcl.ts';

const ENDPOINT = 1;
/** Device identifier of an IAS zone, and the zone type of a contact switch (ZCL, table 8-5). */
const DEVICE_IAS_ZONE = 0x0402;
const ZONE_CONTACT = 0x0015;
const ENROLL_RESPONSE = 0x00;
const STATUS_CHANGE = 0x00;
const ENROLL_REQUEST = 0x01;
const ENROLLED = 1;
const NO_CIE = '0000000000000000';

/** Bits of the zone status (ZCL, table 8-6). */
const ZONE_BIT = { ALARM: 0x0001, TAMPER: 0x0004, BATTERY: 0x0008 } as const;

/** A battery-powered contact (ZCL, section 8.2): it enrols with the host that writes its address into it. */
export interface ContactSensor extends Device {
  setOpen(open: boolean): void;
  setTampered(tampered: boolean): void;
  setBattery(percent: number): void;
  readonly enrolled: boolean;
}

export type ContactSensorOptions = Partial<Make> & Omit<DeviceOptions, 'router' | 'endpoints'> & { batteryPercent?: number };

export function createContactSensor(air: Air, options: ContactSensorOptions): ContactSensor {
  const make: Make = { manufacturer: 'Example Sensors', model: 'ZC-10', softwareBuild: '1.0.9', ...options };
  const zone = cluster(
    CLUSTER_ID.IAS_ZONE,
    [
      [0x0000, { type: ZCL_TYPE.ENUM8, value: 0 }],
      [0x0001, { type: ZCL_TYPE.ENUM16, value: ZONE_CONTACT }],
      [ATTRIBUTE.ZONE_STATUS, { type: ZCL_TYPE.MAP16, value: 0, reportable: true }],
      [0x0010, { type: ZCL_TYPE.EUI64, value: NO_CIE, writable: true }],
      [0x0011, { type: ZCL_TYPE.UINT8, value: 0xff }],
    ],
    (command, reader) => {
      if (command !== ENROLL_RESPONSE) return ZCL_STATUS.UNSUPPORTED_CLUSTER_COMMAND;
      const [code, id] = [reader.u8(), reader.u8()];
      if (code !== 0) return ZCL_STATUS.SUCCESS;
      zone.attributes.get(0x0000)!.value = ENROLLED;
      zone.attributes.get(0x0011)!.value = id;
      return ZCL_STATUS.SUCCESS;
    },
  );
  const enrolled = (): boolean => zone.attributes.get(0x0000)!.value === ENROLLED;

  const device = createDevice(air, {
    ...options,
    router: false,
    endpoints: (handle) => {
      const clusters = [basicCluster(make, true), powerCluster(options.batteryPercent ?? 80), pollControlCluster(handle), zone];
      const inClusters = clusters.map(({ id }) => id);
      const descriptor = { endpoint: ENDPOINT, profile: 0x0104, device: DEVICE_IAS_ZONE, version: 0, inClusters, outClusters: [0x0019] };
      return [{ descriptor, clusters: new Map(clusters.map((one) => [one.id, one])) }];
    },
    written(clusterId, attribute) {
      // «Auto-enroll-response» or trip-to-pair: it asks as soon as it knows whom (ZCL, section 8.2.2.2.3).
      if (clusterId === CLUSTER_ID.IAS_ZONE && attribute === 0x0010 && zone.attributes.get(0x0010)!.value !== NO_CIE)
        air.after(100, () => device.notify(ENDPOINT, CLUSTER_ID.IAS_ZONE, ENROLL_REQUEST, u16(ZONE_CONTACT, 0x115f), { unbound: true }));
    },
  });

  function setBit(bit: number, on: boolean): void {
    const before = Number(device.value(CLUSTER_ID.IAS_ZONE, ATTRIBUTE.ZONE_STATUS));
    const status = on ? before | bit : before & ~bit;
    if (status === before) return;
    device.set(CLUSTER_ID.IAS_ZONE, ATTRIBUTE.ZONE_STATUS, status);
    if (enrolled())
      device.notify(
        ENDPOINT,
        CLUSTER_ID.IAS_ZONE,
        STATUS_CHANGE,
        concat(u16(status), u8(0, Number(zone.attributes.get(0x0011)!.value)), u16(0)),
        {
          unbound: true,
        },
      );
  }

  return Object.defineProperty(
    Object.assign(device, {
      setOpen: (open: boolean) => setBit(ZONE_BIT.ALARM, open),
      setTampered: (tampered: boolean) => setBit(ZONE_BIT.TAMPER, tampered),
      setBattery: (percent: number) => device.set(CLUSTER_ID.POWER, ATTRIBUTE.BATTERY_REMAINING, Math.round(percent * 2)),
    }),
    'enrolled',
    { get: enrolled },
  ) as ContactSensor;
}
