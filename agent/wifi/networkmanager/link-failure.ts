import { HubError } from '../../system/errors.ts';
import type { JoinPlan } from '../change/plan.ts';

/** NMDeviceStateReason, the values that tell something about a failed join. */
const DEVICE_REASON = {
  configFailed: 4,
  ipConfigUnavailable: 5,
  ipConfigExpired: 6,
  noSecrets: 7,
  supplicantDisconnect: 8,
  supplicantConfigFailed: 9,
  supplicantFailed: 10,
  supplicantTimeout: 11,
  dhcpStartFailed: 15,
  dhcpError: 16,
  dhcpFailed: 17,
  firmwareMissing: 35,
  removed: 36,
  sleeping: 37,
  connectionRemoved: 38,
  userRequested: 39,
  ssidNotFound: 53,
  newActivation: 60,
} as const;

const ASK_FOR_WPA2 = 'Send "security": "wpa-psk" to join it by WPA2.';

/** What a broken link looks like, before and after the hub was let in. */
const BROKEN_LINK: ReadonlySet<number> = new Set([
  DEVICE_REASON.noSecrets,
  DEVICE_REASON.supplicantDisconnect,
  DEVICE_REASON.supplicantFailed,
  DEVICE_REASON.supplicantTimeout,
]);

/**
 * The contract's error for a join that NetworkManager gave up; `reason` null: it did not say why. Once the access point has let the hub in
 * (`joined`) the password was right, even if the reason names secrets: the link broke (measured).
 */
export function linkFailure(reason: number | null, plan: JoinPlan, joined: boolean): HubError {
  if (joined && reason !== null && BROKEN_LINK.has(reason)) {
    return new HubError('wifi_rolled_back', 'The network let the hub in and then dropped it. Check the signal at the hub and try again.');
  }
  switch (reason) {
    case DEVICE_REASON.noSecrets:
    case DEVICE_REASON.supplicantDisconnect:
    case DEVICE_REASON.supplicantFailed:
    case DEVICE_REASON.supplicantTimeout:
      return refused(plan);
    case DEVICE_REASON.supplicantConfigFailed:
      return new HubError(
        'wifi_authentication_failed',
        `The hub's radio does not support this network's security. ${plan.alsoWpa2 ? ASK_FOR_WPA2 : 'Set the access point to WPA2.'}`,
      );
    case DEVICE_REASON.ssidNotFound:
      if (plan.seen && plan.mayUseSae) return refused(plan);
      if (plan.seen) {
        return new HubError(
          'wifi_network_not_found',
          'The network was in reach and then did not answer. Check the signal at the hub and try again.',
        );
      }
      return new HubError(
        'wifi_network_not_found',
        'No hidden network of this name let the hub in. Check its name, and its password if it uses WPA3.',
      );
    case DEVICE_REASON.ipConfigUnavailable:
    case DEVICE_REASON.ipConfigExpired:
    case DEVICE_REASON.dhcpStartFailed:
    case DEVICE_REASON.dhcpError:
    case DEVICE_REASON.dhcpFailed:
      return new HubError(
        'wifi_no_address',
        'The network was joined but gave no address, neither of IPv4 nor of IPv6. Check its DHCP server.',
      );
    case DEVICE_REASON.firmwareMissing:
    case DEVICE_REASON.removed:
    case DEVICE_REASON.sleeping:
      return new HubError(
        'wifi_unavailable',
        `The Wi-Fi radio went away during the change (reason ${reason}). Check rfkill and the adapter.`,
      );
    case DEVICE_REASON.connectionRemoved:
    case DEVICE_REASON.userRequested:
    case DEVICE_REASON.newActivation:
      return new HubError('wifi_rolled_back', 'Something else on the hub changed the Wi-Fi connection during the change. Try again.');
    default:
      return new HubError('wifi_rolled_back', `NetworkManager gave up joining the network (reason ${reason ?? 'not given'}).`);
  }
}

function refused({ alsoWpa2 }: JoinPlan): HubError {
  const hint = alsoWpa2 ? ` If it is right, the hub's radio may not support WPA3. ${ASK_FOR_WPA2}` : '';
  return new HubError('wifi_authentication_failed', `The access point refused the password. Check it and send it again.${hint}`);
}
