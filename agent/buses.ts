import type { BusConfig } from './config/config.ts';
import type { LoadConfigOptions } from './config/load.ts';
import { type Environment, isServiceCredential } from './config/paths.ts';
import type { NodeBus } from './nodes/bus.ts';
import { loadOsdpKeys } from './nodes/serial/keys.ts';
import type { OsdpBusOptions } from './nodes/serial/options.ts';
import { createOsdpBus } from './nodes/serial/osdp-bus.ts';
import { isHubError } from './system/errors.ts';

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

/** Judges the key file of a bus before any bus is made, so that one run of the configuration's check shows all problems. */
export function keyFileJudge(env: Environment): NonNullable<LoadConfigOptions['keyFileProblem']> {
  return async (path) => {
    try {
      await loadOsdpKeys(path, { guarded: isServiceCredential(env, path) });
      return null;
    } catch (error) {
      if (!isHubError(error, 'config_invalid')) throw error;
      return { message: error.message, remedy: `Correct ${path}.` };
    }
  };
}
