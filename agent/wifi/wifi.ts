import type { WifiObstacle } from '../contract/wifi.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';
import { collectGarbage } from '../system/collect.ts';
import type { Entropy } from '../system/entropy.ts';
import { HubError } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Guard } from '../system/guard.ts';
import type { Log } from '../system/log.ts';
import { createChangeMarkerFile, createForgetNote } from './change/marker.ts';
import type { CloudProof } from './change/proof.ts';
import { runSync } from './change/sync.ts';
import { createDbusMessageBus, SYSTEM_BUS_ADDRESS } from './networkmanager/dbus-message-bus.ts';
import { createNetworkManagerWifi, type WifiService } from './networkmanager/network-manager-wifi.ts';
import { createNetworkManager } from './networkmanager/nm-dbus.ts';
import { createNodeWifi } from './survey/node-wifi-thread.ts';
import { createWifiSurvey } from './survey/survey.ts';

/** The answer is on its way then, and nothing holds the password any more. */
const FORGET_AFTER_MS = 5_000;

/** The part of the configuration that the Wi-Fi side reads. */
export interface WifiConfig {
  /** `auto` and `networkmanager`: NetworkManager, looked for at every use. `none`: Wi-Fi is not the agent's business. */
  backend: 'auto' | 'networkmanager' | 'none';
  /** The Wi-Fi interface; null: the first that NetworkManager knows. */
  interface: string | null;
  attemptTimeoutSeconds: number;
  checkpointSeconds: number;
}

/** What the Wi-Fi side needs; the real NetworkManager and node-wifi are its own. */
export interface WifiDeps {
  config: WifiConfig;
  stateDirectory: string;
  proof: CloudProof;
  files: Files;
  clock: MonotonicClock;
  entropy: Entropy;
  guard: Guard;
  log: Log;
  /** D-Bus address; default: the system bus. */
  busAddress?: string;
}

/** The hub's Wi-Fi as configured. Nothing is opened or loaded before `start`. */
export function createWifi(deps: WifiDeps): WifiService {
  const { config, clock, log } = deps;
  if (config.backend === 'none') {
    return createUnavailableWifi(
      'switched_off',
      'Wi-Fi changes are switched off. Set wifi.backend to "auto" in agent.json and restart the agent.',
    );
  }
  const interfaceName = config.interface;
  const bus = createDbusMessageBus({ address: deps.busAddress ?? SYSTEM_BUS_ADDRESS, clock, guard: deps.guard });
  const networkManager = createNetworkManager(bus);
  const survey = createWifiSurvey({ nodeWifi: createNodeWifi(interfaceName, deps.guard), networkManager, interfaceName, clock, log });
  const service = createNetworkManagerWifi({
    networkManager,
    survey,
    proof: deps.proof,
    marker: createChangeMarkerFile(deps.files, deps.stateDirectory, deps.log),
    forgetNote: createForgetNote(deps.files, deps.stateDirectory),
    clock,
    entropy: deps.entropy,
    log,
    sync: runSync,
    interfaceName,
    attemptTimeoutMs: config.attemptTimeoutSeconds * 1000,
    checkpointSeconds: config.checkpointSeconds,
  });
  let cancel: Cancel = () => {};
  return {
    ...service,
    async change(credentials, signal) {
      try {
        return await service.change(credentials, signal);
      } finally {
        cancel();
        cancel = clock.schedule(FORGET_AFTER_MS, collectGarbage);
      }
    },
    async stop() {
      await service.stop();
      cancel();
    },
  };
}

/** A hub without a Wi-Fi stack that the agent may use: every change is answered `wifi_unavailable` with `message`, which names the remedy. */
export function createUnavailableWifi(reason: WifiObstacle, message: string): WifiService {
  return {
    start: async () => ({ outcome: 'clean' }),
    stop: async () => {},
    forget: async () => {},
    problem: async () => ({ reason, message, device: null }),
    notJoined: async () => null,
    linkUp: () => {},
    linkDown: () => {},
    current: async () => null,
    credentialsSet: async () => null,
    cutChange: async () => null,
    change: async () => {
      throw new HubError('wifi_unavailable', message);
    },
  };
}
