const MASKED = '[masked]';
const KEY_BYTES = 16;

/** Two hex digits, 16 times, with any characters between them: as the library prints keys, link keys and frames that hold one. */
const HEX_RUN = new RegExp(`(?:0x)?[0-9a-f]{2}(?:[\\s:,.-]{0,2}(?:0x)?[0-9a-f]{2}){${KEY_BYTES - 1},}`, 'gi');
/** A list of 16 numbers up to 255: bytes in decimals, as the library prints values of the stick's memory. */
const DECIMAL_RUN = new RegExp(`\\b\\d{1,3}(?:[\\s,;"'\\[\\]]+\\d{1,3}\\b){${KEY_BYTES - 1},}`, 'g');
/** The same as an object: `{"0":1,"1":3,…}`. */
const INDEXED_RUN = new RegExp(`(?:"\\d{1,3}"\\s*:\\s*\\d{1,3}\\s*,?\\s*){${KEY_BYTES},}`, 'g');
/** 16 bytes as base64 (RFC 4648, 4). */
const BASE64_KEY = /[A-Za-z0-9+/]{22}==/g;

/**
 * A text of the library without anything that can be a key: it logs the network key when the stick does not fit, link keys, and the bytes of the
 * stick's memory. What is masked is decided by the form, since the keys of other networks are no less secret.
 */
export function maskKeys(text: string): string {
  return [INDEXED_RUN, HEX_RUN, DECIMAL_RUN, BASE64_KEY].reduce((masked, form) => masked.replace(form, MASKED), text);
}
