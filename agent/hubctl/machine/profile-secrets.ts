import { type KeyfileEntry, keyfileEntries, keyfileText } from '../../system/keyfile.ts';
import { keySecrets } from './key-secrets.ts';

/**
 * The secret properties of NetworkManager's settings (nm-settings-keyfile(5), and nm-settings-nmcli(5) for their names): of Wi-Fi, 802.1X, GSM, CDMA,
 * PPPoE, ADSL, MACsec and the peers of WireGuard. Those that end with `password` are taken together: `leap-password`, `phase2-private-key-password`.
 */
const SECRET = /^(?:psk|pin|wep-key[0-3]|mka-cak|preshared-key|(?:[a-z0-9-]+-)?password(?:-raw)?)$/;
/** A group whose keys are those of a VPN plugin: each of them is a secret. */
const ALL_SECRET = 'vpn-secrets';
/** A certificate's private key: a path, or the key itself. */
const KEY = /^(?:phase2-)?private-key$/;
/** The key itself, as NetworkManager writes it. */
const BLOB = /^data:;base64,/;
/** A PIN within the address of a key on a token (RFC 7512, section 2.3). */
const TOKEN_PIN = /[?&]pin-value=([^&]+)/;
/** Bytes, as NetworkManager writes them. */
const BYTES = /^\d{1,3}(?:;\d{1,3})*;?$/;

/** The bytes of a value, when it is a list of them. */
function bytesOf(text: string): Buffer | null {
  if (!BYTES.test(text)) return null;
  const numbers = text.split(';').filter(Boolean).map(Number);
  return numbers.every((number) => number <= 0xff) ? Buffer.from(numbers) : null;
}

/** A secret as it may be written elsewhere: as it is in the file, without escapes, and as the text and the hex of its bytes. */
function writings(value: string): string[] {
  const text = keyfileText(value);
  const bytes = bytesOf(text);
  return [...new Set([value, text, ...(bytes ? [bytes.toString('utf8'), bytes.toString('hex')] : [])])];
}

/** What of a private key's property is a secret: nothing of a path. */
function ofKey(value: string): string[] {
  const text = keyfileText(value);
  const pin = TOKEN_PIN.exec(text)?.[1];
  if (pin !== undefined) return [pin];
  const blob = BLOB.test(text) ? Buffer.from(text.replace(BLOB, ''), 'base64') : bytesOf(text);
  if (blob === null || /^(?:file:\/\/|\/)/.test(blob.toString('latin1'))) return [];
  return [...writings(value), blob.toString('base64'), blob.toString('hex'), ...keySecrets(blob.toString('utf8'))];
}

function ofEntry({ group, key, value }: KeyfileEntry): string[] {
  if (group === ALL_SECRET || SECRET.test(key) || (group === 'wireguard' && key === 'private-key')) return writings(value);
  return KEY.test(key) ? ofKey(value) : [];
}

/** Every secret in a profile of NetworkManager, in each way in which it may be written elsewhere. */
export const profileSecrets = (keyfile: string): string[] => [...keyfileEntries(keyfile)].flatMap(ofEntry);
