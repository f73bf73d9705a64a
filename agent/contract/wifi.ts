import type { Secret } from '../system/secret.ts';

export type WifiSecurity = 'wpa-psk' | 'sae' | 'open';

/** Validated args of `set_wifi_credentials`. */
export interface WifiCredentials {
  /** 1 to 32 bytes of UTF-8. */
  ssid: string;
  /** A passphrase of 8 to 63 printable ASCII characters, 64 hex digits, or null for an open network. */
  credentials: Secret | null;
  hidden: boolean;
  /** Absent: found from the scan. */
  security?: WifiSecurity;
}

/** The result of `set_wifi_credentials`. */
export interface WifiChangeResult {
  ssid: string;
  previousSsid: string | null;
  /** Null on a network that gives no IPv4 address, or none yet. */
  ipv4: string | null;
  /** A global or unique local address; null on a network without IPv6. */
  ipv6: string | null;
  /** How the network was joined, and how its profile joins it from now on. */
  security: WifiSecurity;
  signalDbm: number | null;
  /** Null when the agent or the hub restarted meanwhile: nothing measured it. */
  durationMs: number | null;
}

/** The network a hub is on now; never a secret. */
export interface WifiConnection {
  ssid: string;
  signalDbm: number | null;
}

/**
 * Why the Wi-Fi cannot be moved to another network:
 * - `switched_off`: by the configuration (`wifi.backend`);
 * - `not_running`: no system bus, or no NetworkManager on it; `no_reply`: it does not answer; `not_allowed`: polkit refuses the agent;
 * - `radio_hardware`, `radio_software`: the radio is switched off, by a switch or by rfkill and NetworkManager;
 * - `no_device`: there is no Wi-Fi device; `other_device`: not the configured one (`wifi.interface`);
 * - `unmanaged`: NetworkManager leaves the device alone; `not_ready`: it cannot be used yet;
 * - `failed`: anything else.
 */
export type WifiObstacle =
  | 'switched_off'
  | 'not_running'
  | 'no_reply'
  | 'not_allowed'
  | 'radio_hardware'
  | 'radio_software'
  | 'no_device'
  | 'other_device'
  | 'unmanaged'
  | 'not_ready'
  | 'failed';

export interface WifiProblem {
  reason: WifiObstacle;
  /** For people, with the remedy. */
  message: string;
  /** The interface that it is about; null: none, or not known. */
  device: string | null;
}

/** A network that the hub knows and is in reach of, and that it does not join: NetworkManager has given it up, or a person disconnected the hub. */
export interface WifiNotJoined {
  ssid: string;
  /** The interface that is idle. */
  device: string;
  /** Somebody told NetworkManager to leave it disconnected (`nmcli device disconnect`): it stays so until somebody connects it. */
  byHand: boolean;
}

/** The operating system's Wi-Fi stack, as the agent sees it. */
export interface Wifi {
  /** The connection now, or null when there is none or no Wi-Fi stack. Never throws. */
  current(): Promise<WifiConnection | null>;
  /** True when a Wi-Fi profile with credentials is stored on the hub, null when that cannot be known. Never throws. */
  credentialsSet(): Promise<boolean | null>;
  /**
   * Moves the hub to another network as a transaction: on return it is on the new network with the cloud reached over it, on a throw it is
   * back on a network that works. @throws HubError with one of the contract's `wifi_…` codes, `timeout` or `aborted`.
   */
  change(credentials: WifiCredentials, signal: AbortSignal): Promise<WifiChangeResult>;
  /**
   * What became of the change that the end of the last process cut: its result when the new network was saved and the hub is on it, null when
   * it was undone or that is unknown. @throws HubError as `change`
   */
  cutChange(signal: AbortSignal): Promise<WifiChangeResult | null>;
}
