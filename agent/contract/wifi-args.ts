import type { FieldProblem } from '../system/errors.ts';
import { Secret } from '../system/secret.ts';
import { argsObject, invalidArgs } from './args.ts';
import type { WifiCredentials, WifiSecurity } from './wifi.ts';

/** IEEE 802.11: an SSID is at most 32 bytes. */
const MAX_SSID_BYTES = 32;
const SECURITIES: readonly WifiSecurity[] = ['wpa-psk', 'sae', 'open'];
/** IEEE 802.11, pass-phrase mapping: 8 to 63 printable ASCII characters. */
const PASSPHRASE = /^[\x20-\x7e]{8,63}$/;
/** The pairwise master key itself. */
const RAW_KEY = /^[0-9a-fA-F]{64}$/;

const isSecurity = (value: unknown): value is WifiSecurity => SECURITIES.includes(value as WifiSecurity);

function ssidProblem(ssid: unknown): string | null {
  if (ssid === undefined || ssid === null) return 'is required';
  if (typeof ssid !== 'string') return 'must be a text';
  if (!ssid.isWellFormed()) return 'must be well-formed Unicode';
  // IEEE 802.11 allows it; no tool on the way to the radio passes it on.
  if (ssid.includes('\0')) return 'must not contain a NUL character';
  const bytes = Buffer.byteLength(ssid);
  return bytes >= 1 && bytes <= MAX_SSID_BYTES ? null : `must be 1 to ${MAX_SSID_BYTES} bytes of UTF-8, not ${bytes}`;
}

function credentialsProblem(credentials: unknown, security: WifiSecurity | null): string | null {
  if (credentials === undefined || credentials === null || credentials === '') {
    return security === null || security === 'open' ? null : `is required for security "${security}"`;
  }
  if (typeof credentials !== 'string') return 'must be a text';
  const isRawKey = RAW_KEY.test(credentials);
  if (!isRawKey && !PASSPHRASE.test(credentials))
    return 'must be 8 to 63 printable ASCII characters, or 64 hex digits; empty for an open network';
  if (security === 'open') return 'must be empty or absent for security "open"';
  return security === 'sae' && isRawKey
    ? 'must be a passphrase of 8 to 63 characters for security "sae", which has no 64-digit keys'
    : null;
}

/**
 * Checks the args of `set_wifi_credentials`; `null` counts as absent, args that are not known are ignored. Nothing of the secret gets into an error.
 * @throws HubError `invalid_args` with a detail for each field.
 */
export function parseWifiArgs(args: unknown): WifiCredentials {
  const { ssid, credentials, hidden, security } = argsObject(args);
  const known = isSecurity(security) ? security : null;
  const problems: FieldProblem[] = [];
  const add = (field: string, message: string | null) => message !== null && problems.push({ field, message });

  add('ssid', ssidProblem(ssid));
  add('credentials', credentialsProblem(credentials, known));
  add('hidden', hidden == null || typeof hidden === 'boolean' ? null : 'must be true or false');
  add('security', security == null || known !== null ? null : `must be one of ${SECURITIES.join(', ')}`);
  if (problems.length > 0) throw invalidArgs(problems);

  return {
    ssid: ssid as string,
    credentials: typeof credentials === 'string' && credentials !== '' ? new Secret(credentials) : null,
    hidden: hidden === true,
    ...(known !== null && { security: known }),
  };
}
