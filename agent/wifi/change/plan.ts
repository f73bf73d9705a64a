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
  /** It is joined by SAE, and WPA2 would be there too. */
  alsoWpa2: boolean;
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
 * Chooses how to join, from what is asked and what is in the air. `seen` is null when no access point of that name was found; `knownAsSae`:
 * the hub has joined a network of that name by SAE. WPA2 lets an eavesdropper try passwords at leisure, and an access point of one's own that
 * offers nothing else is how it is had: SAE is used wherever it is offered, and given up only when that is asked for.
 * @throws HubError `wifi_network_not_found`, or `wifi_authentication_failed` when the credentials cannot fit
 */
export function planJoin(wanted: WifiCredentials, seen: SeenNetwork | null, knownAsSae = false): JoinPlan {
  if (!seen) {
    if (!wanted.hidden) {
      throw new HubError(
        'wifi_network_not_found',
        'No access point of this name is in reach. Check the spelling (upper and lower case count), or send "hidden": true.',
      );
    }
    // NetworkManager's wpa-psk also joins an SAE-only network (measured).
    const protectedBy = knownAsSae && !isRawKey(wanted) ? 'sae' : 'wpa-psk';
    const security = wanted.security ?? (wanted.credentials ? protectedBy : 'open');
    return { security, seen: false, mayUseSae: security !== 'open', alsoWpa2: false };
  }
  const offers = seen.keyManagement;
  const upgraded = wanted.security === 'wpa-psk' && !offers.has('psk') && offers.has('sae') && !isRawKey(wanted);
  const security = upgraded ? 'sae' : (wanted.security ?? choose(wanted, offers, knownAsSae));
  if (!fits(security, offers)) {
    throw unfit(
      `The network does not offer ${security}; it offers ${[...offers].join(', ')}. Leave "security" out to have it found from the scan.`,
    );
  }
  const alsoWpa2 = security === 'sae' && offers.has('psk');
  return { security, seen: true, mayUseSae: security === 'sae' || (security === 'wpa-psk' && offers.has('sae')), alsoWpa2 };
}

/** SAE has no 64-digit keys (IEEE 802.11, 12.4: it takes a password). */
const isRawKey = ({ credentials }: WifiCredentials) => credentials !== null && RAW_KEY.test(credentials.reveal());

/** Never a weaker way than the credentials allow: a password is not thrown away to join an open network of the same name. */
function choose(wanted: WifiCredentials, offers: ReadonlySet<KeyManagement>, knownAsSae: boolean): WifiSecurity {
  if (wanted.credentials) {
    if (offers.has('sae') && !isRawKey(wanted)) return 'sae';
    if (offers.has('psk') && knownAsSae)
      throw unfit(
        'The hub knows this network as WPA3; now it would be joined by WPA2, which may be a trap. Send "security": "wpa-psk" if that is meant.',
      );
    if (offers.has('psk')) return 'wpa-psk';
    if (offers.has('sae')) throw unfit('The network is WPA3 only, which has no 64-digit keys. Send its passphrase.');
    if (offers.has('open'))
      throw unfit('The network is open, but a password was given. Leave "credentials" out if an open network is meant.');
  } else {
    if (offers.has('open')) return 'open';
    if (offers.has('psk') || offers.has('sae')) throw unfit('The network wants a password, none was given.');
  }
  throw unfit('The network uses a kind of security that the hub has no credentials for (enterprise, WEP or OWE).');
}

function fits(security: WifiSecurity, offers: ReadonlySet<KeyManagement>): boolean {
  return offers.has(security === 'wpa-psk' ? 'psk' : security);
}

function unfit(message: string): HubError {
  return new HubError('wifi_authentication_failed', `${message} Nothing was changed.`);
}
