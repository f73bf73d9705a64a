import { type ErrorCode, HubError } from '../../system/errors.ts';
import type { Secret } from '../../system/secret.ts';

/** A D-Bus object path of NetworkManager. Paths are not stable over a restart of NetworkManager. */
export type ObjectPath = string;

/**
 * What went wrong with a call, as far as it changes what to do next.
 * - `not_running`: no system bus, no NetworkManager on it, or it went away before it answered;
 * - `permission_denied`: polkit or the bus policy refused;
 * - `invalid_settings`: NetworkManager does not accept the profile, nothing was touched;
 * - `unknown_object`: the profile, checkpoint or device does not exist (any more);
 * - `no_reply`: no answer in time, the call may or may not have taken effect;
 * - `failed`: any other refusal, nothing was done.
 */
export type NetworkManagerProblem = 'not_running' | 'permission_denied' | 'invalid_settings' | 'unknown_object' | 'no_reply' | 'failed';

/** A failed call. Its message is made by us: what NetworkManager writes may quote settings, so it is never passed on. */
export class NetworkManagerError extends HubError {
  readonly problem: NetworkManagerProblem;

  constructor(problem: NetworkManagerProblem, message: string) {
    const code: ErrorCode = problem === 'invalid_settings' ? 'invalid_args' : 'wifi_unavailable';
    super(code, message);
    this.problem = problem;
  }
}

/** True for a failed NetworkManager call, optionally with one of the given problems. */
export function isNetworkManagerError(error: unknown, ...problems: NetworkManagerProblem[]): error is NetworkManagerError {
  return error instanceof NetworkManagerError && (problems.length === 0 || problems.includes(error.problem));
}

/** NMDeviceState, the values the agent decides by. */
export const DEVICE_STATE = {
  unmanaged: 10,
  unavailable: 20,
  disconnected: 30,
  needAuth: 60,
  ipConfig: 70,
  activated: 100,
  failed: 120,
} as const;

/** NMActiveConnectionState, the values the agent decides by. */
export const ACTIVE_STATE = { activating: 1, activated: 2, deactivating: 3, deactivated: 4 } as const;

/** The polkit actions a change needs; each missing one is a `permission_denied` that names it. */
export const POLKIT_ACTION = {
  checkpoint: 'org.freedesktop.NetworkManager.checkpoint-rollback',
  profiles: 'org.freedesktop.NetworkManager.settings.modify.system',
  control: 'org.freedesktop.NetworkManager.network-control',
  scan: 'org.freedesktop.NetworkManager.wifi.scan',
} as const;

/** A Wi-Fi device that NetworkManager knows. */
export interface WifiDevice {
  path: ObjectPath;
  interfaceName: string;
  /** NMDeviceState. */
  state: number;
  /** It joins known networks by itself: until somebody disconnects it (`nmcli device disconnect`). */
  autoconnect: boolean;
}

/** The switches of the radio: rfkill or `nmcli radio` (software), a key or jumper (hardware). */
export interface RadioSwitches {
  softwareEnabled: boolean;
  hardwareEnabled: boolean;
}

/** An access point in NetworkManager's list. */
export interface AccessPoint {
  /** Raw bytes: an SSID need not be text. Empty: hidden. */
  ssid: Buffer;
  /** 0…100. */
  strengthPercent: number;
  /** NM80211ApFlags; bit 0 is privacy. */
  flags: number;
  /** NM80211ApSecurityFlags of WPA and of RSN (WPA2 and later). */
  wpaFlags: number;
  rsnFlags: number;
}

/** A stored Wi-Fi profile; its secrets are not read. */
export interface WifiProfile {
  path: ObjectPath;
  id: string;
  uuid: string;
  ssid: Buffer;
  /** In memory only, or changed since it was written to disk. */
  unsaved: boolean;
  /** NetworkManager's `key-mgmt` (`wpa-psk`, `sae` …); null: an open network, without credentials. */
  keyManagement: string | null;
  autoconnect: boolean;
  autoconnectPriority: number;
  /** Empty: for any interface. */
  interfaceName: string;
  /** The network does not tell its name. */
  hidden: boolean;
  /** It makes a network (an access point, ad hoc) in place of joining one. */
  makesNetwork: boolean;
  /** Seconds since the epoch, by a clock that may have been wrong; 0: never. */
  lastJoinedSeconds: number;
}

export interface Checkpoint {
  path: ObjectPath;
  devices: ObjectPath[];
  rollbackTimeoutSeconds: number;
}

/** The device's configuration of one IP version; null: it has none. */
export interface IpConfiguration {
  address: string | null;
  gateway: string | null;
}

/** A profile as the agent makes it. */
export interface ProfileSettings {
  id: string;
  uuid: string;
  interfaceName: string;
  ssid: Buffer;
  hidden: boolean;
  security: 'wpa-psk' | 'sae' | 'open';
  /** Null for an open network. */
  secret: Secret | null;
  autoconnect: boolean;
  /** −999…999, the higher one is preferred. */
  autoconnectPriority: number;
  /**
   * Send what comes from an address through its gateway, independent of the default route: without them the packets of a socket bound to the
   * Wi-Fi address leave through Ethernet while that is the uplink. At most one for each IP version.
   */
  sourceRoutes?: readonly { address: string; gateway: string }[];
}

/** What NetworkManager signals by itself. */
export type LinkEvent =
  | { type: 'device_state'; state: number; reason: number }
  | { type: 'active_state'; active: ObjectPath; state: number }
  /** NetworkManager left the bus, or the bus is lost: checkpoints are gone with it. */
  | { type: 'manager_gone' };

/**
 * What the agent needs of NetworkManager (1.42 or later), typed. Every method throws `NetworkManagerError` only, and in bounded time.
 */
export interface NetworkManager {
  wifiDevices(): Promise<WifiDevice[]>;
  deviceState(device: ObjectPath): Promise<number>;
  radio(): Promise<RadioSwitches>;
  /** The polkit actions of `POLKIT_ACTION` that this process does not have. */
  missingPermissions(): Promise<string[]>;
  accessPoints(device: ObjectPath): Promise<AccessPoint[]>;
  /** The access point that the device is on, or null. */
  activeAccessPoint(device: ObjectPath): Promise<AccessPoint | null>;
  /** Asks for a scan (one per 8 s is done, more are queued); `ssid` is probed by name, as a hidden network needs. */
  requestScan(device: ObjectPath, ssid: Buffer | null): Promise<void>;
  /** When the last scan ended (boot time, ms), or −1. It often does not change. */
  lastScan(device: ObjectPath): Promise<number>;
  wifiProfiles(): Promise<WifiProfile[]>;
  /** The UUID of the profile that is active on the device, or null. */
  activeProfile(device: ObjectPath): Promise<string | null>;
  /** NMActiveConnectionState of one activation, or null when it does not exist any more. */
  activeState(active: ObjectPath): Promise<number | null>;
  /** The device that carries the default route now, or null. */
  uplinkDevice(): Promise<ObjectPath | null>;
  ipv4(device: ObjectPath): Promise<IpConfiguration>;
  /** The address is not a link-local one. */
  ipv6(device: ObjectPath): Promise<IpConfiguration>;
  /** Profiles made later are deleted on rollback; NetworkManager rolls back by itself after `timeoutSeconds` also when the agent has ended. */
  createCheckpoint(device: ObjectPath, timeoutSeconds: number): Promise<ObjectPath>;
  checkpoints(): Promise<Checkpoint[]>;
  /** @throws `failed` when a device could not be restored. */
  rollBack(checkpoint: ObjectPath): Promise<void>;
  /** Ends the checkpoint and keeps what is. */
  destroyCheckpoint(checkpoint: ObjectPath): Promise<void>;
  /** Adds a profile in memory only, which NetworkManager does not activate by itself. */
  addProfile(settings: ProfileSettings): Promise<ObjectPath>;
  /** Changes a profile in memory only. The running connection is not touched. */
  holdProfile(profile: ObjectPath, settings: ProfileSettings): Promise<void>;
  /** Applies the addressing of the active profile, as it is stored now, without dropping the link (measured, rules and routes included). */
  reapply(device: ObjectPath): Promise<void>;
  /** Writes a profile to disk. Not durable before `sync`. The running connection is not touched. */
  saveProfile(profile: ObjectPath, settings: ProfileSettings): Promise<void>;
  deleteProfile(profile: ObjectPath): Promise<void>;
  /** Starts activating; the result comes as link events. */
  activate(profile: ObjectPath, device: ObjectPath): Promise<ObjectPath>;
  /** Listens to one device; the returned function ends it. Subscribe before activating. */
  watch(device: ObjectPath, listener: (event: LinkEvent) => void): Promise<() => void>;
  /** Lets go of the bus; the next call connects again. */
  close(): void;
}
