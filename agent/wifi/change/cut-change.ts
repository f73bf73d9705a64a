import type { WifiChangeResult, WifiSecurity } from '../../contract/wifi.ts';
import { HubError } from '../../system/errors.ts';
import type { NetworkManager, WifiProfile } from '../networkmanager/network-manager.ts';
import { dbmOfPercent } from '../survey/seen-networks.ts';
import { ssidText } from '../survey/ssid.ts';
import type { ChangeTraces, Restorer } from './restore.ts';

function securityOf({ keyManagement }: WifiProfile): WifiSecurity {
  if (keyManagement === null) return 'open';
  return keyManagement === 'sae' ? 'sae' : 'wpa-psk';
}

/**
 * The result of a change that a kill or a power cut ended after its network was saved. The profile on disk proves that the network carried the
 * cloud, for it is saved only then; that the hub is on it is looked at now.
 * @throws HubError `interrupted` when the hub is on another network, or on none; NetworkManagerError
 */
export async function resultOfCut(
  deps: { networkManager: NetworkManager; restorer: Restorer },
  traces: ChangeTraces,
  signal: AbortSignal,
): Promise<WifiChangeResult> {
  const { networkManager: manager, restorer } = deps;
  const connected = await restorer.ensureConnected(traces, true, signal);
  const profiles = await manager.wifiProfiles();
  const profile = profiles.find(({ uuid }) => uuid === traces.uuid);
  const device = (await manager.wifiDevices()).find(({ interfaceName }) => interfaceName === traces.interfaceName);
  if (!connected || !profile || !device) {
    throw new HubError('interrupted', 'The hub restarted during the change. The new network was saved, but the hub is not on it now.');
  }
  const previous = profiles.find(({ uuid }) => uuid === traces.previousUuid);
  const point = await manager.activeAccessPoint(device.path);
  return {
    ssid: profile.ssid.toString('utf8'),
    previousSsid: previous ? ssidText(previous.ssid) : null,
    ipv4: (await manager.ipv4(device.path)).address,
    ipv6: (await manager.ipv6(device.path)).address,
    security: securityOf(profile),
    signalDbm: point && dbmOfPercent(point.strengthPercent),
    durationMs: null,
  };
}
