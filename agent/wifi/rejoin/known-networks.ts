import type { WifiNotJoined } from '../../contract/wifi.ts';
import { findDevice } from '../networkmanager/device.ts';
import { DEVICE_STATE, type NetworkManager, type WifiDevice, type WifiProfile } from '../networkmanager/network-manager.ts';
import { isNamed, ssidText } from '../survey/ssid.ts';

/** A radio that is on no network and joins none, beside networks that the hub has profiles of. */
export interface IdleRadio {
  device: WifiDevice;
  /** Somebody told NetworkManager to leave it so (`nmcli device disconnect`). The agent does, too. */
  byHand: boolean;
  /** What may be joined, the best first: by NetworkManager's own order, networks that hide their name last. At least one. */
  profiles: { profile: WifiProfile; inReach: boolean }[];
}

/** What a look at the radio found. `other`: it is at work, not usable, or nothing that it knows is in reach. */
export type RadioLook = { state: 'idle'; radio: IdleRadio } | { state: 'joined' | 'other' };

/** NetworkManager's order for what it joins by itself: the priority, then what was joined last. */
const byPreference = (a: WifiProfile, b: WifiProfile) =>
  b.autoconnectPriority - a.autoconnectPriority || b.lastJoinedSeconds - a.lastJoinedSeconds;

/** The profiles that are in use. One that is active on another radio would be taken away from that. */
async function activeProfiles(manager: NetworkManager): Promise<Set<string | null>> {
  const devices = await manager.wifiDevices();
  return new Set(await Promise.all(devices.map(({ path }) => manager.activeProfile(path))));
}

/** Looks for an idle radio and what it could join. @throws NetworkManagerError, WifiUnusableError */
export async function lookAtRadio(manager: NetworkManager, interfaceName: string | null): Promise<RadioLook> {
  const device = await findDevice(manager, interfaceName);
  if (device.state === DEVICE_STATE.activated) return { state: 'joined' };
  if (device.state !== DEVICE_STATE.disconnected) return { state: 'other' };
  const [points, known, active] = await Promise.all([manager.accessPoints(device.path), manager.wifiProfiles(), activeProfiles(manager)]);
  const isInReach = ({ ssid }: WifiProfile) => isNamed(ssid) && points.some((point) => point.ssid.equals(ssid));
  const isFor = ({ interfaceName: bound, makesNetwork }: WifiProfile) => !makesNetwork && (bound === '' || bound === device.interfaceName);
  const profiles = known
    .filter((profile) => profile.autoconnect && isFor(profile) && !active.has(profile.uuid))
    .map((profile) => ({ profile, inReach: isInReach(profile) }))
    .filter(({ profile, inReach }) => inReach || profile.hidden)
    .toSorted((a, b) => Number(b.inReach) - Number(a.inReach) || byPreference(a.profile, b.profile));
  return profiles.length === 0 ? { state: 'other' } : { state: 'idle', radio: { device, byHand: !device.autoconnect, profiles } };
}

/** The same for a report: only a network that is seen counts. */
export function notJoined(look: RadioLook): WifiNotJoined | null {
  if (look.state !== 'idle') return null;
  const { device, byHand, profiles } = look.radio;
  const seen = profiles.find(({ inReach }) => inReach);
  return seen ? { ssid: ssidText(seen.profile.ssid), device: device.interfaceName, byHand } : null;
}
