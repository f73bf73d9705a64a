import { createHash } from 'node:crypto';
import { parseBounded } from './bounded-json.ts';

/** 64 bits: enough against accident. It is no protection against a writer of the file. */
const CHECK_DIGITS = 16;

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, CHECK_DIGITS);

/**
 * The object with a checksum of itself as its field `check`, so that a bit that flips in storage is noticed where the text stays well-formed.
 * An agent that does not know the field ignores it.
 */
export function sealed<T extends object>(value: T): T & { check: string } {
  return { ...value, check: digest(JSON.stringify(value)) };
}

/**
 * The object without its checksum. One without a checksum is taken: an older agent wrote it.
 * @throws Error when the value is no object, or is not what was sealed
 */
export function unsealed(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
  const { check, ...rest } = value as Record<string, unknown>;
  if (check !== undefined && check !== digest(JSON.stringify(rest))) throw new Error('its checksum does not fit');
  return rest;
}

/** Parses and unseals. The reason never quotes the text: it may hold what must not be logged. @throws Error */
export function parseSealed(data: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseBounded(data.toString('utf8'));
  } catch {
    throw new Error('not JSON');
  }
  return unsealed(value);
}
