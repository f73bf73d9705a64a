import type { WifiNotJoined } from '../../contract/wifi.ts';
import { findDevice } from '../networkmanager/device.ts';
import { DEVICE_REASON, DEVICE_STATE, type NetworkManager, type WifiDevice, type WifiProfile } from '../networkmanager/network-manager.ts';
import { ssidText } from '../survey/ssid.ts';

/** A radio that is on no network and joins none, beside networks that the hub has profiles of. */
export interface IdleRadio {
  device: WifiDevice;
  /** Somebody disconnected it on purpose (`nmcli device disconnect`): NetworkManager leaves it so, and so does the agent. */
  byHand: boolean;
  /** What may be joined, the best first: by NetworkManager's own order, networks that hide their name last. */
  profiles: { profile: WifiProfile; inReach: boolean }[];
}

/** NetworkManager's order for what it joins by itself: the priority, then what was joined last. */
const byPreference = (a: WifiProfile, b: WifiProfile) =>
  b.autoconnectPriority - a.autoconnectPriority || b.lastJoinedSeconds - a.lastJoinedSeconds;

/**
 * Looks for an idle radio and what it could join. Null: it is on a network, busy with joining one, not usable, or nothing that it knows is in
 * reach. @throws NetworkManagerError, WifiUnusableError
 */
export async function findIdleRadio(manager: NetworkManager, interfaceName: string | null): Promise<IdleRadio | null> {
  const device = await findDevice(manager, interfaceName);
  if (device.state !== DEVICE_STATE.disconnected) return null;
  const [points, known] = await Promise.all([manager.accessPoints(device.path), manager.wifiProfiles()]);
  const isInReach = ({ ssid }: WifiProfile) => points.some((point) => point.ssid.equals(ssid));
  const profiles = known
    .filter((profile) => profile.autoconnect && (profile.interfaceName === '' || profile.interfaceName === device.interfaceName))
    .map((profile) => ({ profile, inReach: isInReach(profile) }))
    .filter(({ profile, inReach }) => inReach || profile.hidden)
    .toSorted((a, b) => Number(b.inReach) - Number(a.inReach) || byPreference(a.profile, b.profile));
  if (profiles.length === 0) return null;
  return { device, byHand: device.reason === DEVICE_REASON.userRequested || !device.autoconnect, profiles };
}

/** The same for a report: only a network that is seen counts. */
export function notJoined(idle: IdleRadio | null): WifiNotJoined | null {
  const seen = idle?.profiles.find(({ inReach }) => inReach);
  return idle && seen ? { ssid: ssidText(seen.profile.ssid), device: idle.device.interfaceName, byHand: idle.byHand } : null;
}
