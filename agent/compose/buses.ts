import type { BusConfig } from '../config/config.ts';
import { loadOsdpKeys } from '../config/osdp-keys.ts';
import { isServiceCredential } from '../config/paths.ts';
import type { NodeBus } from '../nodes/bus.ts';
import type { OsdpBusOptions } from '../nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../nodes/osdp/bus/osdp-bus.ts';

/** Builds the configured buses. @throws HubError `config_invalid` for a key file that is wrong or that others may read. */
export function createBuses(
  buses: readonly BusConfig[],
  deps: Pick<OsdpBusOptions, 'serialPorts' | 'clock' | 'wallClock' | 'entropy' | 'log'>,
): Promise<NodeBus[]> {
  return Promise.all(
    buses.map(async ({ id, path, baudRate, addresses, allowDefaultKey, keysPath }) =>
      createOsdpBus({
        id,
        path,
        baudRate,
        addresses,
        allowDefaultKey,
        keys: keysPath === null ? new Map() : await loadOsdpKeys(keysPath, { guarded: isServiceCredential(process.env, keysPath) }),
        ...deps,
        log: deps.log.child({ part: 'bus', bus: id }),
      }),
    ),
  );
}
