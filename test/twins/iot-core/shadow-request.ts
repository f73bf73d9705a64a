import { depth, isObject, type Json, type JsonObject } from './shadow-document.ts';
import type { IotCoreLimits } from './types.ts';

/** A refusal of the Shadow service with AWS's code and wording ("Device Shadow error messages"). */
export interface ShadowRefusal {
  code: number;
  message: string;
}

/** The state of a request. A section that is `null` is to be removed; one that is absent stays. */
export interface RequestedState {
  desired?: JsonObject | null;
  reported?: JsonObject | null;
}

/** A checked request document. */
export interface ShadowUpdate {
  /** Null clears the whole document. */
  state: RequestedState | null;
  version?: number;
  clientToken?: string;
}

type Limits = Pick<IotCoreLimits, 'maxShadowDepth' | 'maxClientTokenBytes'>;
export type Checked<T> = { ok: true; value: T } | { ok: false; refusal: ShadowRefusal; clientToken?: string };

/** Reads the JSON of a request. An empty payload is an empty document: get and delete need none. */
export function parseRequest(payload: Buffer, limits: Limits): Checked<JsonObject> {
  let document: Json;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    document = text.trim() === '' ? {} : (JSON.parse(text) as Json);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(400, 'Invalid JSON');
    return refuse(415, 'Unsupported documented encoding; supported encoding is UTF-8');
  }
  if (!isObject(document)) return refuse(400, 'Invalid JSON');
  const token = document.clientToken;
  if (token !== undefined && (typeof token !== 'string' || Buffer.byteLength(token) > limits.maxClientTokenBytes)) {
    return refuse(400, 'Invalid clientToken');
  }
  return { ok: true, value: document };
}

/** Checks an update's document as the service does, in its order. */
export function checkUpdate(document: JsonObject, limits: Limits): Checked<ShadowUpdate> {
  const clientToken = typeof document.clientToken === 'string' ? document.clientToken : undefined;
  const fail = (message: string): Checked<ShadowUpdate> => ({
    ...refuse(400, message),
    ...(clientToken === undefined ? {} : { clientToken }),
  });
  const { state, version } = document;
  if (state === undefined) return fail('Missing required node: state');
  if (state !== null && !isObject(state)) return fail('State node must be an object');
  if (version !== undefined && (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0))
    return fail('Invalid version');
  const requested: RequestedState = {};
  for (const [key, section] of Object.entries(state ?? {})) {
    if (key !== 'desired' && key !== 'reported') return fail(`State contains an invalid node: '${key}'`);
    if (section !== null && !isObject(section)) return fail(`${key === 'desired' ? 'Desired' : 'Reported'} node must be an object`);
    if (section !== null && depth(section) > limits.maxShadowDepth) {
      return fail(`JSON contains too many levels of nesting; maximum is ${limits.maxShadowDepth}`);
    }
    requested[key] = section;
  }
  const update: ShadowUpdate = { state: state === null ? null : requested };
  if (version !== undefined) update.version = version;
  if (clientToken !== undefined) update.clientToken = clientToken;
  return { ok: true, value: update };
}

function refuse(code: number, message: string): { ok: false; refusal: ShadowRefusal } {
  return { ok: false, refusal: { code, message } };
}
