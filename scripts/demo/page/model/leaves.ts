/** How deep a document is looked into; AWS allows 8 levels, the hub reports 5. */
const MAX_DEPTH = 10;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The leaves of a document by their paths, in order. A list is a leaf. */
export function leavesOf(value: unknown, path = '', depth = 0): [path: string, value: unknown][] {
  if (!isObject(value) || depth >= MAX_DEPTH) return path === '' ? [] : [[path, value]];
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, path === '' ? key : `${path}.${key}`, depth + 1));
}

/** The paths of leaves that differ between two documents, or are only in one of them. */
export function differences(before: unknown, after: unknown): string[] {
  const old = new Map(leavesOf(before).map(([path, value]) => [path, JSON.stringify(value)]));
  const changed: string[] = [];
  for (const [path, value] of leavesOf(after)) {
    if (old.get(path) !== JSON.stringify(value)) changed.push(path);
    old.delete(path);
  }
  return [...changed, ...old.keys()];
}
