import type { WifiCredentials, WifiSecurity } from '../../contract/wifi.ts';
import { HubError } from '../../system/errors.ts';

/** How a network lets in. `other`: enterprise (802.1X), WEP, OWE: nothing the agent has credentials for. */
export type KeyManagement = 'open' | 'psk' | 'sae' | 'other';

/** One network in the air: what all access points of its name offer together. */
export interface SeenNetwork {
  ssid: string;
  keyManagement: ReadonlySet<KeyManagement>;
  /** The strongest of its access points. */
  signalDbm: number | null;
}

/** How to join, decided before the link is touched. */
export interface JoinPlan {
  security: WifiSecurity;
  /** The network is in the air; a hidden one may not show. */
  seen: boolean;
  /** SAE hides whether the password was wrong (measured: reason 53, the same as an unknown SSID). */
  mayUseSae: boolean;
}

const MAX_SSID_BYTES = 32;
const PASSPHRASE = /^[\x20-\x7e]{8,63}$/;
const RAW_KEY = /^[0-9a-fA-F]{64}$/;

/** Refuses what no network can have, before anything is asked. @throws HubError `invalid_args` naming the field */
export function checkCredentials({ ssid, credentials, security }: WifiCredentials): void {
  const bytes = Buffer.byteLength(ssid);
  if (bytes < 1 || bytes > MAX_SSID_BYTES) throw invalid('ssid', `must be 1 to ${MAX_SSID_BYTES} bytes of UTF-8, is ${bytes}`);
  if (!ssid.isWellFormed() || ssid.includes('\0')) throw invalid('ssid', 'must be well-formed Unicode without a NUL');
  if (credentials) {
    const text = credentials.reveal();
    if (!PASSPHRASE.test(text) && !RAW_KEY.test(text))
      throw invalid('credentials', 'must be 8 to 63 printable ASCII characters, or 64 hex digits');
    if (security === 'open') throw invalid('credentials', 'an open network takes none');
  } else if (security && security !== 'open') {
    throw invalid('credentials', `${security} needs a password`);
  }
}

function invalid(field: string, message: string): HubError {
  return new HubError('invalid_args', `${field}: ${message}`, { details: [{ field, message }] });
}

/**
 * Chooses how to join, from what is asked and what is in the air. `seen` is null when no access point of that name was found.
 * @throws HubError `wifi_network_not_found`, or `wifi_authentication_failed` when the credentials cannot fit
 */
export function planJoin(wanted: WifiCredentials, seen: SeenNetwork | null): JoinPlan {
  if (!seen) {
    if (!wanted.hidden) {
      throw new HubError(
        'wifi_network_not_found',
        'No access point of this name is in reach. Check the spelling (upper and lower case count), or send "hidden": true.',
      );
    }
    // NetworkManager's wpa-psk also joins an SAE-only network (measured).
    const security = wanted.security ?? (wanted.credentials ? 'wpa-psk' : 'open');
    return { security, seen: false, mayUseSae: security !== 'open' };
  }
  const offers = seen.keyManagement;
  const security = wanted.security ?? choose(wanted, offers);
  if (!fits(security, offers)) {
    throw unfit(
      `The network does not offer ${security}; it offers ${[...offers].join(', ')}. Leave "security" out to have it found from the scan.`,
    );
  }
  return { security, seen: true, mayUseSae: security === 'sae' || (security === 'wpa-psk' && offers.has('sae')) };
}

/** Never a weaker way than the credentials allow: a password is not thrown away to join an open network of the same name. */
function choose({ credentials }: WifiCredentials, offers: ReadonlySet<KeyManagement>): WifiSecurity {
  if (credentials) {
    if (offers.has('psk')) return 'wpa-psk';
    if (offers.has('sae')) return 'sae';
    if (offers.has('open'))
      throw unfit('The network is open, but a password was given. Leave "credentials" out if an open network is meant.');
  } else {
    if (offers.has('open')) return 'open';
    if (offers.has('psk') || offers.has('sae')) throw unfit('The network wants a password, none was given.');
  }
  throw unfit('The network uses a kind of security that the hub has no credentials for (enterprise, WEP or OWE).');
}

function fits(security: WifiSecurity, offers: ReadonlySet<KeyManagement>): boolean {
  if (security === 'open') return offers.has('open');
  if (security === 'sae') return offers.has('sae');
  return offers.has('psk') || offers.has('sae');
}

function unfit(message: string): HubError {
  return new HubError('wifi_authentication_failed', `${message} Nothing was changed.`);
}
