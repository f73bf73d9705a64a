import type { ZigbeeBusConfig } from '../config/config.ts';
import type { Alarms } from '../contract/alarm.ts';
import { serialPathProblem } from '../nodes/serial-path.ts';
import type { ZigbeeBusOptions } from '../nodes/zigbee/bus/options.ts';
import { createZigbeeBus } from '../nodes/zigbee/bus/zigbee-bus.ts';
import { createZigbeeProcesses } from '../nodes/zigbee/process/spawn.ts';
import type { Guard } from '../system/guard.ts';
import { createPaths } from '../system/paths.ts';

/** What Zigbee buses are made with. */
export type ZigbeeDeps = Pick<ZigbeeBusOptions, 'stateDirectory' | 'files' | 'clock' | 'wallClock' | 'entropy' | 'log'> & {
  guard: Guard;
  alarms: Alarms;
};

/** A configured Zigbee bus. This module is imported when there is one: an agent without Zigbee does not load its code. */
export function createZigbee({ protocol: _, ...config }: ZigbeeBusConfig, { alarms, guard, ...deps }: ZigbeeDeps) {
  const paths = createPaths();
  return createZigbeeBus({
    ...config,
    ...deps,
    processes: createZigbeeProcesses({ clock: deps.clock, guard }),
    portProblem: (path) => serialPathProblem(paths, path),
    portIdentity: paths.identity,
    onNetworkLost: (isLost) => alarms[isLost ? 'raise' : 'clear']('network_lost', config.id),
  });
}
