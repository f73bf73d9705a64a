import type { WifiObstacle, WifiProblem } from '../../contract/wifi.ts';
import { HubError, messageOf } from '../../system/errors.ts';
import { isNetworkManagerError, type NetworkManagerProblem } from './network-manager.ts';

/** No network can be joined, for a reason that is known before anything is tried. */
export class WifiUnusableError extends HubError {
  readonly reason: WifiObstacle;
  /** The interface that it is about. */
  readonly device: string | null;

  constructor(reason: WifiObstacle, device: string | null, message: string) {
    super('wifi_unavailable', message);
    this.reason = reason;
    this.device = device;
  }
}

const OF_NETWORK_MANAGER: Readonly<Record<NetworkManagerProblem, WifiObstacle>> = {
  not_running: 'not_running',
  permission_denied: 'not_allowed',
  invalid_settings: 'failed',
  unknown_object: 'failed',
  no_reply: 'no_reply',
  failed: 'failed',
};

/** The problem of the Wi-Fi behind an error of the search for a usable device. */
export function wifiProblemOf(error: unknown): WifiProblem {
  const message = messageOf(error);
  if (error instanceof WifiUnusableError) return { reason: error.reason, message, device: error.device };
  return { reason: isNetworkManagerError(error) ? OF_NETWORK_MANAGER[error.problem] : 'failed', message, device: null };
}
