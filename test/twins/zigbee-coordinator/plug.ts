import type { Air } from './air.ts';
import { ATTRIBUTE, basicCluster, CLUSTER_ID, cluster, type Make } from './clusters.ts';
import { createDevice, type Device, type DeviceOptions } from './device.ts';
import { ZCL_STATUS, ZCL_TYPE } from './zcl.ts';

/** Device identifier of a smart plug. */
const DEVICE_PLUG = 0x0051;
const COMMAND = { OFF: 0, ON: 1, TOGGLE: 2 } as const;

export type PlugOptions = Partial<Make> & Omit<DeviceOptions, 'router' | 'endpoints'>;

/** A mains-powered plug: it listens always, and is a router for sleeping devices. */
export function createPlug(air: Air, options: PlugOptions): Device {
  const make: Make = { manufacturer: 'Example Power', model: 'ZP-1', softwareBuild: '3.1.0', ...options };
  const onOff = cluster(CLUSTER_ID.ON_OFF, [[ATTRIBUTE.ON_OFF, { type: ZCL_TYPE.BOOL, value: 0, reportable: true }]], (command) => {
    if (command > COMMAND.TOGGLE) return ZCL_STATUS.UNSUPPORTED_CLUSTER_COMMAND;
    const before = Number(device.value(CLUSTER_ID.ON_OFF, ATTRIBUTE.ON_OFF));
    device.set(CLUSTER_ID.ON_OFF, ATTRIBUTE.ON_OFF, command === COMMAND.TOGGLE ? 1 - before : command);
    return ZCL_STATUS.SUCCESS;
  });
  const device = createDevice(air, {
    ...options,
    router: true,
    endpoints: () => {
      const clusters = [basicCluster(make, false), onOff];
      const inClusters = clusters.map(({ id }) => id);
      const descriptor = { endpoint: 1, profile: 0x0104, device: DEVICE_PLUG, version: 1, inClusters, outClusters: [0x0019] };
      return [{ descriptor, clusters: new Map(clusters.map((one) => [one.id, one])) }];
    },
  });
  return device;
}
