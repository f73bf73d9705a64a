import { createHash } from 'node:crypto';
import type { Secret } from '../../../system/secret.ts';

/** A base key of a secure channel: the public default one (SCBK-D), or an own one as 32 hex digits. */
export type BaseKey = 'default' | Secret;

/** The keys of one address that the agent itself keeps. */
export interface KeyRecord {
  /** To be tried in this order. More than one: the first was given to the PD and is not proven yet, one of the others may still be in it. */
  keys: readonly BaseKey[];
  /** Fingerprint of the key of the key file that these keys take the place of; null: the file had none for the address. */
  supersedes: string | null;
}

/** 64 bits: enough to tell whether a file has another key than before. The keys are random, so it says nothing about them. */
const FINGERPRINT_DIGITS = 16;

/** Tells one key of a key file from another. */
export function fingerprintOf(key: Secret | undefined): string | null {
  if (!key) return null;
  return createHash('sha256').update(`osdp ${key.reveal().toLowerCase()}`).digest('hex').slice(0, FINGERPRINT_DIGITS);
}

/** True when both are the same key. */
export function isSameKey(a: BaseKey, b: BaseKey): boolean {
  if (a === 'default' || b === 'default') return a === b;
  return a.reveal().toLowerCase() === b.reveal().toLowerCase();
}

/**
 * The keys to try with a PD, in order. A key file that was changed since the agent gave the PD another key counts first; one that was not is
 * superseded. The default key is tried only when nothing else is known, or while the PD may still have it.
 * @param configured the key of the key file
 */
export function candidatesOf(record: KeyRecord | undefined, configured: Secret | undefined, allowDefault: boolean): readonly BaseKey[] {
  if (!record) return configured ? [configured] : allowDefault ? ['default'] : [];
  const isNews = configured !== undefined && fingerprintOf(configured) !== record.supersedes;
  const news = isNews && !record.keys.some((key) => isSameKey(key, configured)) ? [configured] : [];
  return [...news, ...record.keys];
}
