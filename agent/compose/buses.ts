import { join } from 'node:path';
import type { BusConfig } from '../config/config.ts';
import { loadOsdpKeys } from '../config/osdp-keys.ts';
import { isServiceCredential } from '../config/paths.ts';
import type { NodeBus } from '../nodes/bus.ts';
import type { OsdpBusOptions } from '../nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../nodes/osdp/bus/osdp-bus.ts';
import { createKeyStore } from '../nodes/osdp/keys/key-store.ts';
import { OSDP_KEYS } from '../state/layout.ts';
import { isHubError } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import { createUnavailableBus } from './unavailable-bus.ts';

interface BusDeps extends Pick<OsdpBusOptions, 'serialPorts' | 'clock' | 'wallClock' | 'entropy' | 'log'> {
  files: Files;
  stateDirectory: string;
}

async function createBus(config: BusConfig, deps: BusDeps): Promise<NodeBus> {
  const { id, path, baudRate, addresses, replyTimeoutMs, allowDefaultKey, security, keysPath } = config;
  const log = deps.log.child({ part: 'bus', bus: id });
  try {
    const keys = keysPath === null ? new Map() : await loadOsdpKeys(keysPath, { guarded: isServiceCredential(process.env, keysPath) });
    const keyStore = createKeyStore({ path: join(deps.stateDirectory, `${OSDP_KEYS}${id}.json`), files: deps.files, log });
    return createOsdpBus({
      keyStore,
      id,
      path,
      baudRate,
      addresses,
      replyTimeoutMs,
      allowDefaultKey,
      requireSecurity: security === 'required',
      keys,
      ...deps,
      log,
    });
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
