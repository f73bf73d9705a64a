import { createHash } from 'node:crypto';

/** Length of the key for command ids. */
export const KEY_BYTES = 32;

const check = (key: Buffer) => createHash('sha256').update(key).digest();

/** What `command-id.key` holds: the key, and its SHA-256. An older agent makes a new key of it, which costs the old ids. */
export const keyRecord = (key: Buffer): Buffer => Buffer.concat([key, check(key)]);

/**
 * The key in the file. One without its checksum is an older agent's, and is taken when it can be random: `isSealed` is false then.
 * @throws Error when it is damaged
 */
export function parseKey(data: Buffer): { key: Buffer; isSealed: boolean } {
  const key = data.subarray(0, KEY_BYTES);
  // 32 random bytes have about 30 different ones. Zeros, or erased flash, have one or two.
  if (key.length < KEY_BYTES || new Set(key).size < 8) throw new Error('not a random key');
  if (data.length === KEY_BYTES) return { key, isSealed: false };
  if (!data.equals(keyRecord(key))) throw new Error('its checksum does not fit');
  return { key, isSealed: true };
}
