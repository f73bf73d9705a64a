import type { BusConfig } from '../config/config.ts';
import { loadOsdpKeys } from '../config/osdp-keys.ts';
import { isServiceCredential } from '../config/paths.ts';
import type { NodeBus } from '../nodes/bus.ts';
import type { OsdpBusOptions } from '../nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../nodes/osdp/bus/osdp-bus.ts';
import { isHubError } from '../system/errors.ts';
import { createUnavailableBus } from './unavailable-bus.ts';

type BusDeps = Pick<OsdpBusOptions, 'serialPorts' | 'clock' | 'wallClock' | 'entropy' | 'log'>;

async function createBus(config: BusConfig, deps: BusDeps): Promise<NodeBus> {
  const { id, path, baudRate, addresses, replyTimeoutMs, allowDefaultKey, keysPath } = config;
  const log = deps.log.child({ part: 'bus', bus: id });
  try {
    const keys = keysPath === null ? new Map() : await loadOsdpKeys(keysPath, { guarded: isServiceCredential(process.env, keysPath) });
    return createOsdpBus({ id, path, baudRate, addresses, replyTimeoutMs, allowDefaultKey, keys, ...deps, log });
  } catch (error) {
    if (!isHubError(error, 'config_invalid')) throw error;
    // Without its keys the bus would ask secured peripherals in clear.
    return createUnavailableBus(config, `${error.message}.`, log);
  }
}

/** Builds the configured buses. One whose key file is wrong, or may be read by others, is unavailable and says why. */
export function createBuses(buses: readonly BusConfig[], deps: BusDeps): Promise<NodeBus[]> {
  return Promise.all(buses.map((bus) => createBus(bus, deps)));
}
