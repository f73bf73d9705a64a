export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
/** Mirrors a state: each leaf is `{timestamp}` in epoch seconds; arrays keep one entry for each element. */
export type Metadata = { timestamp: number } | Metadata[] | { [key: string]: Metadata };
export type MetadataObject = { [key: string]: Metadata };

/** One side (`desired` or `reported`) of a shadow with the times its leaves were written. */
export interface Section {
  state: JsonObject;
  metadata: MetadataObject;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key is anybody's choice: `constructor` and `__proto__` are keys like others. */
const own = <T>(object: Record<string, T>, key: string): T | undefined => (Object.hasOwn(object, key) ? object[key] : undefined);
function put<T>(object: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Metadata of a value written at `timestamp`: every leaf gets it, changed or not. */
export function stamp(value: Json, timestamp: number): Metadata {
  if (Array.isArray(value)) return value.map((element) => stamp(element, timestamp));
  if (!isObject(value)) return { timestamp };
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, stamp(field, timestamp)]));
}

/**
 * Merges a patch into a section: objects deeply, arrays and scalars replaced whole, `null` removes the key with its metadata.
 * Leaves the patch does not name keep their time; leaves it names get the new one even if the value is the same.
 */
export function mergeSection(section: Section | null, patch: JsonObject, timestamp: number): Section {
  const state: JsonObject = { ...section?.state };
  const metadata: MetadataObject = { ...section?.metadata };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete state[key];
      delete metadata[key];
    } else if (isObject(value)) {
      const before = own(state, key);
      const merged = mergeSection(
        isObject(before) ? { state: before, metadata: own(metadata, key) as MetadataObject } : null,
        value,
        timestamp,
      );
      put<Json>(state, key, merged.state);
      put<Metadata>(metadata, key, merged.metadata);
    } else {
      put(state, key, value);
      put(metadata, key, stamp(value, timestamp));
    }
  }
  return { state, metadata };
}

/** What is desired and not reported so, with the metadata of just those leaves; null when there is no difference. */
export function difference(desired: Section, reported: JsonObject | null): Section | null {
  const delta: Section = { state: {}, metadata: {} };
  for (const [key, wanted] of Object.entries(desired.state)) {
    const actual = reported ? own(reported, key) : undefined;
    const metadata = own(desired.metadata, key)!;
    if (isObject(wanted) && isObject(actual)) {
      const inner = difference({ state: wanted, metadata: metadata as MetadataObject }, actual);
      if (!inner) continue;
      put<Json>(delta.state, key, inner.state);
      put<Metadata>(delta.metadata, key, inner.metadata);
    } else if (!equal(wanted, actual)) {
      put(delta.state, key, wanted);
      put(delta.metadata, key, metadata);
    }
  }
  return Object.keys(delta.state).length > 0 ? delta : null;
}

/** Deep equality of JSON values; the order of keys does not matter. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((element, index) => equal(element, b[index]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  return a === b;
}

/** Levels of nested objects: `{}` or `{a: 1}` is 1, `{a: {b: 1}}` is 2. Arrays count as a level of their own. */
export function depth(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}
