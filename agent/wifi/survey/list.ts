import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { KeyManagement } from '../change/plan.ts';
import { findDevice } from '../networkmanager/device.ts';
import { isNetworkManagerError, type NetworkManager } from '../networkmanager/network-manager.ts';
import { mergeAccessPoints, namedAccessPoints } from './seen-networks.ts';
import { isNamed, ssidText } from './ssid.ts';

/** A network in the air, for a person. */
export interface ListedNetwork {
  ssid: string;
  signalDbm: number | null;
  security: KeyManagement[];
  /** The hub is on it. */
  active: boolean;
}

/** NetworkManager's scan takes about 3 s. */
const SCAN_WAIT_MS = 4_000;
const SCAN_POLL_MS = 250;

/**
 * The networks in reach, the strongest first, each once; hidden ones are left out. Asks for a scan and waits a little for it.
 * @throws HubError `wifi_unavailable`; NetworkManagerError
 */
export async function listNetworks(deps: {
  networkManager: NetworkManager;
  interfaceName: string | null;
  clock: MonotonicClock;
}): Promise<ListedNetwork[]> {
  const { networkManager: manager, clock } = deps;
  const device = await findDevice(manager, deps.interfaceName);
  const before = await manager.lastScan(device.path);
  try {
    await manager.requestScan(device.path, null);
    const end = clock.nowMs() + SCAN_WAIT_MS;
    while (clock.nowMs() < end && (await manager.lastScan(device.path)) === before) await sleep(clock, SCAN_POLL_MS);
  } catch (error) {
    // A scan that is refused, or just ran, leaves the list as it is.
    if (!isNetworkManagerError(error, 'permission_denied', 'failed')) throw error;
  }
  const points = (await manager.accessPoints(device.path)).filter(({ ssid }) => isNamed(ssid));
  const active = await manager.activeProfile(device.path);
  const profile = (await manager.wifiProfiles()).find(({ uuid }) => uuid === active);
  const names = new Map(points.map(({ ssid }) => [ssid.toString('latin1'), ssid]));
  const networks = [...names.values()].flatMap((name) => {
    const seen = mergeAccessPoints(ssidText(name), namedAccessPoints(points, name));
    if (!seen) return [];
    const { ssid, signalDbm, keyManagement } = seen;
    return [{ ssid, signalDbm, security: [...keyManagement], active: profile?.ssid.equals(name) ?? false }];
  });
  return networks.sort((a, b) => (b.signalDbm ?? -200) - (a.signalDbm ?? -200));
}
