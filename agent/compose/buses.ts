import { join } from 'node:path';
import type { BusConfig, OsdpBusConfig, ZigbeeBusConfig } from '../config/config.ts';
import { loadOsdpKeys } from '../config/osdp-keys.ts';
import { isServiceCredential } from '../config/paths.ts';
import type { Alarms } from '../contract/alarm.ts';
import type { ZigbeeNetwork } from '../contract/zigbee.ts';
import type { NodeBus } from '../nodes/bus.ts';
import type { OsdpBusOptions } from '../nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../nodes/osdp/bus/osdp-bus.ts';
import { createKeyStore } from '../nodes/osdp/keys/key-store.ts';
import { serialPathProblem } from '../nodes/serial-path.ts';
import type { ZigbeeBusOptions } from '../nodes/zigbee/bus/options.ts';
import { createZigbeeBus } from '../nodes/zigbee/bus/zigbee-bus.ts';
import { createZigbeeProcesses } from '../nodes/zigbee/process/spawn.ts';
import { OSDP_KEYS } from '../state/layout.ts';
import { isHubError } from '../system/errors.ts';
import type { Guard } from '../system/guard.ts';
import { createPaths } from '../system/paths.ts';
import { createUnavailableBus } from './unavailable-bus.ts';

type OsdpDeps = Pick<OsdpBusOptions, 'serialPorts' | 'clock' | 'wallClock' | 'entropy' | 'log'> &
  Pick<ZigbeeBusOptions, 'stateDirectory' | 'files'>;

/** What buses are made with. */
export type BusDeps = OsdpDeps & { guard: Guard; alarms: Alarms };

/** The buses, and what can be done with those of Zigbee on the hub. */
export interface Buses {
  all: NodeBus[];
  zigbee: ZigbeeNetwork[];
}

async function createOsdp(config: OsdpBusConfig, deps: OsdpDeps): Promise<NodeBus> {
  const { protocol: _, security, keysPath, ...line } = config;
  const { id } = config;
  const { log } = deps;
  try {
    const keys = keysPath === null ? new Map() : await loadOsdpKeys(keysPath, { guarded: isServiceCredential(process.env, keysPath) });
    const keyStore = createKeyStore({ path: join(deps.stateDirectory, `${OSDP_KEYS}${id}.json`), files: deps.files, log });
    return createOsdpBus({ ...deps, ...line, keyStore, requireSecurity: security === 'required', keys });
  } catch (error) {
    if (!isHubError(error, 'config_invalid')) throw error;
    // Without its keys the bus would ask secured peripherals in clear.
    return createUnavailableBus(config, `${error.message}.`, log);
  }
}

function createZigbee({ protocol: _, ...config }: ZigbeeBusConfig, { alarms, guard, ...deps }: BusDeps) {
  return createZigbeeBus({
    ...config,
    ...deps,
    processes: createZigbeeProcesses({ clock: deps.clock, guard }),
    portProblem: (path) => serialPathProblem(createPaths(), path),
    onNetworkLost: (isLost) => alarms[isLost ? 'raise' : 'clear']('network_lost', config.id),
  });
}

/** Builds the configured buses. One whose key file is wrong, or may be read by others, is unavailable and says why. */
export async function createBuses(configs: readonly BusConfig[], deps: BusDeps): Promise<Buses> {
  const zigbee: ZigbeeNetwork[] = [];
  const all = await Promise.all(
    configs.map((config) => {
      const log = deps.log.child({ part: 'bus', bus: config.id });
      if (config.protocol === 'osdp') return createOsdp(config, { ...deps, log });
      const bus = createZigbee(config, { ...deps, log });
      zigbee.push(bus.network);
      return bus;
    }),
  );
  return { all, zigbee };
}
