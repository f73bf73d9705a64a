import { join } from 'node:path';
import type { BusConfig, OsdpBusConfig } from '../config/config.ts';
import { loadOsdpKeys } from '../config/osdp-keys.ts';
import { isServiceCredential } from '../config/paths.ts';
import type { ZigbeeNetwork } from '../contract/zigbee.ts';
import type { NodeBus } from '../nodes/bus.ts';
import type { OsdpBusOptions } from '../nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../nodes/osdp/bus/osdp-bus.ts';
import { createKeyStore } from '../nodes/osdp/keys/key-store.ts';
import { OSDP_KEYS } from '../state/layout.ts';
import { isHubError } from '../system/errors.ts';
import { createUnavailableBus } from './unavailable-bus.ts';
import type { ZigbeeDeps } from './zigbee.ts';

/** What buses are made with. */
type BusDeps = Pick<OsdpBusOptions, 'serialPorts'> & ZigbeeDeps;

/** The buses, and what can be done with those of Zigbee on the hub. */
export interface Buses {
  all: NodeBus[];
  zigbee: ZigbeeNetwork[];
}

async function createOsdp(config: OsdpBusConfig, deps: BusDeps): Promise<NodeBus> {
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

/** Builds the configured buses. One whose key file is wrong, or may be read by others, is unavailable and says why. */
export async function createBuses(configs: readonly BusConfig[], deps: BusDeps): Promise<Buses> {
  const all: (NodeBus & { network?: ZigbeeNetwork })[] = await Promise.all(
    configs.map(async (config) => {
      const log = deps.log.child({ part: 'bus', bus: config.id });
      if (config.protocol === 'osdp') return createOsdp(config, { ...deps, log });
      const { createZigbee } = await import('./zigbee.ts');
      return createZigbee(config, { ...deps, log });
    }),
  );
  return { all, zigbee: all.flatMap(({ network }) => network ?? []) };
}
