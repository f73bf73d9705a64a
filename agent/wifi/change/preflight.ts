import type { WifiCredentials } from '../../contract/wifi.ts';
import { PROFILE_ID_PREFIX } from '../../state/machine-layout.ts';
import { checkUsable, findDevice } from '../networkmanager/device.ts';
import type { NetworkManager, WifiDevice, WifiProfile } from '../networkmanager/network-manager.ts';
import type { WifiSurvey } from '../survey/survey.ts';
import { type JoinPlan, planJoin } from './plan.ts';

/** Everything a change needs to know before it touches anything. */
export interface Preflight {
  device: WifiDevice;
  plan: JoinPlan;
  previous: WifiProfile | null;
  /** Another device, Ethernet, carries the hub's traffic: the proof must be made to go over Wi-Fi. */
  otherUplink: boolean;
  /** Higher than every stored network's, so that the new network wins after a restart. */
  autoconnectPriority: number;
  /** Profiles of ours for the same network, superseded once the new one is proven. */
  superseded: WifiProfile[];
}

/** The first network set by the agent is preferred to those of the image, which have 0. */
const FIRST_PRIORITY = 10;
/** NetworkManager's highest autoconnect priority. */
const MAX_PRIORITY = 999;
/** Networks of ours that stay known; the least preferred go first. A hub moves rarely. */
const MAX_OWN_PROFILES = 8;

/** Looks at everything, changes nothing. @throws HubError with the code and remedy to answer; NetworkManagerError */
export async function preflight(
  deps: { networkManager: NetworkManager; survey: WifiSurvey; interfaceName: string | null },
  wanted: WifiCredentials,
  signal: AbortSignal,
): Promise<Preflight> {
  const { networkManager: manager } = deps;
  const device = await findDevice(manager, deps.interfaceName);
  await checkUsable(manager, device);
  const found = await deps.survey.find(wanted.ssid, device.path, wanted.hidden, signal);
  const profiles = await manager.wifiProfiles();
  const ssid = Buffer.from(wanted.ssid);
  const knownAsSae = profiles.some((profile) => profile.keyManagement === 'sae' && profile.ssid.equals(ssid));
  const plan = planJoin(wanted, found, knownAsSae);
  const active = await manager.activeProfile(device.path);
  const uplink = await manager.uplinkDevice();
  const highest = profiles.reduce((max, profile) => Math.max(max, profile.autoconnectPriority), FIRST_PRIORITY - 1);
  const previous = profiles.find((profile) => profile.uuid === active) ?? null;
  return {
    device,
    plan,
    previous,
    otherUplink: uplink !== null && uplink !== device.path,
    autoconnectPriority: Math.min(highest + 1, MAX_PRIORITY),
    superseded: supersededBy(ssid, profiles, previous),
  };
}

/** Ours for the same network, and the least preferred of ours past the bound. */
function supersededBy(ssid: Buffer, profiles: readonly WifiProfile[], previous: WifiProfile | null): WifiProfile[] {
  const own = profiles.filter((profile) => profile.id.startsWith(PROFILE_ID_PREFIX));
  const others = own.filter((profile) => !profile.ssid.equals(ssid)).sort((a, b) => b.autoconnectPriority - a.autoconnectPriority);
  const surplus = others.slice(MAX_OWN_PROFILES - 1).filter((profile) => profile !== previous);
  return [...own.filter((profile) => profile.ssid.equals(ssid)), ...surplus];
}
