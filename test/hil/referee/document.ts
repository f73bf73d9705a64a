/**
 * The shadow documents of AWS IoT as its developer guide describes them ("Device Shadow service documents", "Device Shadow error messages"),
 * written from that text alone. It shares nothing with the twin of IoT Core, so that a misreading in one of them shows in the other.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** `{code, message}` of a `rejected` message. */
export class ShadowError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What is kept of one shadow. The metadata mirrors the state, with the second of the last change at each leaf. */
export interface Shadow {
  desired: JsonObject;
  reported: JsonObject;
  metadata: { desired: JsonObject; reported: JsonObject };
  version: number;
  exists: boolean;
}

/** Quotas of the Device Shadow service. */
const MAX_DOCUMENT_BYTES = 8 * 1024;
const MAX_TOKEN_BYTES = 64;
const MAX_LEVELS = 6;

export const emptyShadow = (): Shadow => ({
  desired: {},
  reported: {},
  metadata: { desired: {}, reported: {} },
  version: 0,
  exists: false,
});

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function levels(value: Json): number {
  if (Array.isArray(value)) return 1 + Math.max(0, ...value.map(levels));
  return isObject(value) ? 1 + Math.max(0, ...Object.values(value).map(levels)) : 0;
}

/** The stamps of a value that is new: one at every leaf, also of arrays. */
function stamped(value: Json, second: number): Json {
  if (Array.isArray(value)) return value.map((each) => stamped(each, second));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, stamped(each, second)]));
  return { timestamp: second };
}

/** A value without its nulls, which mean "not there". */
function withoutNulls(value: Json): Json {
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutNulls(each)]));
}

/** Objects are merged, anything else replaces, null removes. */
function merge(state: JsonObject, stamps: JsonObject, change: JsonObject, second: number): void {
  for (const [key, value] of Object.entries(change)) {
    const before = state[key];
    if (value === null) {
      delete state[key];
      delete stamps[key];
    } else if (isObject(value) && isObject(before)) {
      merge(before, stamps[key] as JsonObject, value, second);
    } else {
      state[key] = withoutNulls(value);
      stamps[key] = stamped(state[key], second);
    }
  }
}

const same = (a: Json | undefined, b: Json | undefined): boolean => {
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => same(a[key], b[key]));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, index) => same(each, b[index]));
  return a === b;
};

/** What of `desired` is not so in `reported`; what only `reported` has does not count. Null: no difference. */
function difference(desired: JsonObject, reported: JsonObject, stamps: JsonObject): { state: JsonObject; metadata: JsonObject } | null {
  const state: JsonObject = {};
  const metadata: JsonObject = {};
  for (const [key, value] of Object.entries(desired)) {
    const other = reported[key];
    if (isObject(value) && isObject(other)) {
      const inner = difference(value, other, stamps[key] as JsonObject);
      if (inner) [state[key], metadata[key]] = [inner.state, inner.metadata];
    } else if (!same(value, other)) {
      state[key] = value;
      metadata[key] = stamps[key] ?? {};
    }
  }
  return Object.keys(state).length > 0 ? { state, metadata } : null;
}

/** The two sections, each only when there is something in it. */
function sections(from: { desired: JsonObject; reported: JsonObject }): JsonObject {
  return Object.fromEntries(
    Object.entries({ desired: from.desired, reported: from.reported }).filter(([, each]) => Object.keys(each).length > 0),
  );
}

export interface Request {
  state: { desired?: JsonObject | null; reported?: JsonObject | null } | null;
  version?: number;
  clientToken?: string;
}

/** Reads a request document. @throws ShadowError 400 */
export function readRequest(payload: Buffer, needsState: boolean): Request {
  if (payload.length === 0 && !needsState) return { state: null };
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw new ShadowError(400, 'Invalid JSON');
  }
  if (!isObject(document)) throw new ShadowError(400, 'Invalid JSON');
  const { state, version, clientToken } = document;
  if (clientToken !== undefined && (typeof clientToken !== 'string' || Buffer.byteLength(clientToken) > MAX_TOKEN_BYTES))
    throw new ShadowError(400, 'Invalid clientToken');
  if (version !== undefined && !Number.isInteger(version)) throw new ShadowError(400, 'Invalid version');
  if (needsState) {
    if (state === undefined) throw new ShadowError(400, 'Missing required node: state');
    if (state !== null && !isObject(state)) throw new ShadowError(400, 'State node must be an object');
    for (const name of ['desired', 'reported'] as const) {
      const section = state?.[name];
      const title = `${name[0]!.toUpperCase()}${name.slice(1)}`;
      if (section !== undefined && section !== null && !isObject(section)) throw new ShadowError(400, `${title} node must be an object`);
      if (section && levels(section) > MAX_LEVELS)
        throw new ShadowError(400, `JSON contains too many levels of nesting; maximum is ${MAX_LEVELS}`);
    }
  }
  return {
    state: (state ?? null) as Request['state'],
    ...(version !== undefined && { version }),
    ...(clientToken !== undefined && { clientToken }),
  } as Request;
}

const token = ({ clientToken }: Request): JsonObject => (clientToken === undefined ? {} : { clientToken });

/** What an update publishes, besides the shadow that it leaves. */
export interface Updated {
  shadow: Shadow;
  accepted: JsonObject;
  documents: JsonObject;
  /** Null while nothing differs. */
  delta: JsonObject | null;
}

/** @throws ShadowError 409 for another version, 413 for a document that would be too large */
export function update(before: Shadow, request: Request, second: number): Updated {
  if (request.version !== undefined && request.version !== before.version) throw new ShadowError(409, 'Version conflict');
  const next = structuredClone(before);
  const told: JsonObject = {};
  const toldStamps: JsonObject = {};
  for (const name of ['desired', 'reported'] as const) {
    const change = request.state === null ? null : request.state[name];
    if (change === undefined) continue;
    if (change === null) [next[name], next.metadata[name]] = [{}, {}];
    else {
      merge(next[name], next.metadata[name], change, second);
      told[name] = change;
      toldStamps[name] = stamped(withoutNulls(change), second);
    }
  }
  if (Buffer.byteLength(JSON.stringify(sections(next))) > MAX_DOCUMENT_BYTES)
    throw new ShadowError(413, 'The payload exceeds the maximum size allowed');
  next.version = before.version + 1;
  next.exists = true;
  const common = { version: next.version, timestamp: second, ...token(request) };
  const differs = difference(next.desired, next.reported, next.metadata.desired);
  const whole = (shadow: Shadow): JsonObject => ({ state: sections(shadow), metadata: sections(shadow.metadata), version: shadow.version });
  return {
    shadow: next,
    accepted: { state: told, metadata: toldStamps, ...common },
    documents: { previous: whole(before), current: whole(next), timestamp: second, ...token(request) },
    delta: differs && { state: differs.state, metadata: differs.metadata, ...common },
  };
}

/** The answer of a get. @throws ShadowError 404 */
export function get(shadow: Shadow, request: Request, second: number, thing: string): JsonObject {
  if (!shadow.exists) throw new ShadowError(404, `No shadow exists with name: '${thing}'`);
  const differs = difference(shadow.desired, shadow.reported, shadow.metadata.desired);
  return {
    state: { ...sections(shadow), ...(differs && { delta: differs.state }) },
    metadata: sections(shadow.metadata),
    version: shadow.version,
    timestamp: second,
    ...token(request),
  };
}

/** Deletes; the version goes on from there (within 48 hours). @throws ShadowError 404 */
export function remove(shadow: Shadow, request: Request, second: number, thing: string): { shadow: Shadow; accepted: JsonObject } {
  if (!shadow.exists) throw new ShadowError(404, `No shadow exists with name: '${thing}'`);
  return {
    shadow: { ...emptyShadow(), version: shadow.version + 1 },
    accepted: { version: shadow.version, timestamp: second, ...token(request) },
  };
}
