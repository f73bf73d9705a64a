const MAX_SSID_BYTES = 32;
/** Controls, format characters (bidi ones among them) and line separators; the two joiners belong to scripts and emoji. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const JOINERS = new Set(['\u200c', '\u200d']);

const strict = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
type Decoder = ReturnType<typeof strict>;

/** The length of the UTF-8 sequence that a lead byte announces (RFC 3629, section 3); 0 for a byte that leads none. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** The character at `at`, or null when there is none that may be shown. */
function characterAt(bytes: Buffer, at: number, decoder: Decoder): string | null {
  const length = sequenceLength(bytes[at]!);
  if (length === 0) return null;
  try {
    const character = decoder.decode(bytes.subarray(at, at + length));
    return UNSAFE.test(character) && !JOINERS.has(character) ? null : character;
  } catch {
    return null;
  }
}

/**
 * An SSID as text that is safe to report, to store and to show. IEEE 802.11 allows any 0 to 32 bytes, and an access point is anyone's: a byte
 * that is no UTF-8, or belongs to a control, bidi or other invisible character, is written as `\xNN`. Every other name is itself.
 */
export function ssidText(ssid: Uint8Array): string {
  const bytes = Buffer.from(ssid.subarray(0, MAX_SSID_BYTES));
  const decoder = strict();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const character = characterAt(bytes, at, decoder);
    if (character !== null) {
      text += character;
      at += sequenceLength(bytes[at]!);
    } else {
      text += `\\x${bytes[at]!.toString(16).padStart(2, '0')}`;
      at += 1;
    }
  }
  return text;
}

/** False for the name of a hidden access point: empty, or zeros in its place (IEEE 802.11, beacons of some makers). */
export function isNamed(ssid: Uint8Array): boolean {
  return ssid.some((byte) => byte !== 0);
}
