type Json = unknown;

const isObject = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names in a document are anybody's: `constructor` is a key like others, and is not what every object inherits. */
const own = (object: Record<string, Json>, key: string): Json => (Object.hasOwn(object, key) ? object[key] : undefined);

/** True when two JSON values are the same. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  return keys.length === Object.keys(b).filter((key) => b[key] !== undefined).length && keys.every((key) => sameJson(a[key], own(b, key)));
}

/**
 * What a shadow update must carry so that `from` becomes `to`: the Shadow service merges objects, replaces arrays, and deletes a key at
 * `null` (AWS IoT developer guide, "Device Shadow service documents"). Null when nothing differs.
 */
export function mergePatch(from: Record<string, Json>, to: Record<string, Json>): Record<string, Json> | null {
  const patch = new Map<string, Json>();
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = own(from, key);
    const after = withoutNulls(own(to, key));
    if (after === undefined || after === null) {
      if (before !== undefined && before !== null) patch.set(key, null);
    } else if (isObject(before) && isObject(after)) {
      const inner = mergePatch(before, after);
      if (inner) patch.set(key, inner);
    } else if (!sameJson(before, after)) patch.set(key, after);
  }
  return patch.size > 0 ? Object.fromEntries(patch) : null;
}

/** The document after an update, as the Shadow service makes it. */
export function applyPatch(document: Record<string, Json>, patch: Record<string, Json>): Record<string, Json> {
  const next = new Map(Object.entries(document));
  for (const [key, value] of Object.entries(patch)) {
    const before = next.get(key);
    if (value === null) next.delete(key);
    else if (isObject(value)) next.set(key, applyPatch(isObject(before) ? before : {}, value));
    else if (value !== undefined) next.set(key, value);
  }
  return Object.fromEntries(next);
}

/** A `null` inside a new value would be dropped by the service; dropping it here keeps our picture of the document true. */
export function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null && item !== undefined)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}
