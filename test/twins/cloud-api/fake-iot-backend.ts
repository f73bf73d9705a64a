import type { BrokerMessage, ShadowDocument, ShadowWriteResult } from '../iot-core/types.ts';
import { isObject, type JsonObject } from './bodies.ts';
import type { IotBackend } from './types.ts';

/** IoT Core without a network, as far as the backend sees it: for tests that are about the API and nothing else. */
export interface FakeIotBackend extends IotBackend {
  registerThing(thingName: string): void;
  /** What the hub would report. */
  report(thingName: string, reported: object): void;
  publish(topic: string, payload: string): void;
  /** Before the next update is looked at, this happens: another writer comes first. */
  beforeNextUpdate(happens: () => void): void;
  failUpdates(count: number, code: number): void;
  /** Update requests that came through the data plane, refused ones included. */
  readonly updates: number;
}

/** RFC 7396, as the Shadow service merges: a null deletes its key. */
function merge(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = isObject(value) ? merge(isObject(merged[key]) ? merged[key] : {}, value) : value;
  }
  return merged;
}

export function createFakeIotBackend(): FakeIotBackend {
  const things = new Set<string>();
  const shadows = new Map<string, ShadowDocument>();
  const handlers = new Set<(message: BrokerMessage) => void>();
  const failing = { count: 0, code: 0 };
  let before: (() => void) | null = null;
  let updates = 0;

  function write(thingName: string, state: JsonObject, version?: number): ShadowWriteResult {
    const current = shadows.get(thingName) ?? { state: {}, metadata: {}, version: 0, timestamp: 0 };
    if (version !== undefined && version !== current.version) return { ok: false, code: 409, message: 'Version conflict' };
    const next = { ...current, state: merge(current.state, state), version: current.version + 1 };
    shadows.set(thingName, next);
    return { ok: true, version: next.version, timestamp: 0 };
  }

  return {
    get updates() {
      return updates;
    },
    registerThing: (thingName) => void things.add(thingName),
    hasThing: (thingName) => things.has(thingName),
    report: (thingName, reported) => void write(thingName, { reported }),
    publish: (topic, payload) => {
      for (const handler of handlers) handler({ topic, payload: Buffer.from(payload), qos: 1, retain: true, clientId: null });
    },
    beforeNextUpdate: (happens) => {
      before = happens;
    },
    failUpdates: (count, code) => void Object.assign(failing, { count, code }),
    onMessage: (filter, handler) => {
      if (filter !== 'hubs/+/presence') throw new Error(`the fake knows one filter, not ${filter}`);
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    shadow: (thingName) => ({
      get: () => structuredClone(shadows.get(thingName) ?? null),
      delete: () => void shadows.delete(thingName),
      update: ({ state, version }) => {
        updates += 1;
        const happens = before;
        before = null;
        happens?.();
        if (failing.count > 0) {
          failing.count -= 1;
          return { ok: false, code: failing.code, message: 'refused on command' };
        }
        return write(thingName, (state ?? {}) as JsonObject, version);
      },
    }),
  };
}
