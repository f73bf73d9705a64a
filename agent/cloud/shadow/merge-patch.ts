type Json = unknown;

const isObject = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** True when two JSON values are the same. */
export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  return keys.length === Object.keys(b).filter((key) => b[key] !== undefined).length && keys.every((key) => sameJson(a[key], b[key]));
}

/**
 * What a shadow update must carry so that `from` becomes `to`: the Shadow service merges objects, replaces arrays, and deletes a key at
 * `null` (AWS IoT developer guide, "Device Shadow service documents"). Null when nothing differs.
 */
export function mergePatch(from: Record<string, Json>, to: Record<string, Json>): Record<string, Json> | null {
  const patch: Record<string, Json> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = from[key];
    const after = withoutNulls(to[key]);
    if (after === undefined || after === null) {
      if (before !== undefined && before !== null) patch[key] = null;
    } else if (isObject(before) && isObject(after)) {
      const inner = mergePatch(before, after);
      if (inner) patch[key] = inner;
    } else if (!sameJson(before, after)) patch[key] = after;
  }
  return Object.keys(patch).length > 0 ? patch : null;
}

/** The document after an update, as the Shadow service makes it. */
export function applyPatch(document: Record<string, Json>, patch: Record<string, Json>): Record<string, Json> {
  const next = { ...document };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete next[key];
    else if (isObject(value)) next[key] = applyPatch(isObject(next[key]) ? next[key] : {}, value);
    else if (value !== undefined) next[key] = value;
  }
  return next;
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
