import type { ShadowUpdate, ShadowView } from '../../contract/shadow.ts';
import { parseBounded } from '../../system/bounded-json.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import { HubError } from '../../system/errors.ts';
import { within } from '../../system/timeout.ts';
import { shadowRefusal } from './sdk-errors.ts';
import { deltaView, readView, versionOf } from './sdk-values.ts';

/** The Shadow service answers in well under a second. A request without an answer is repeated, and until then a hub that has just
 * connected is shown offline: three lost answers in a row stay within 1.5 keepalives of 10 s. */
const SHADOW_TIMEOUT_MS = 5_000;

/**
 * The shadow of one Thing over one MQTT session, by its topics (AWS IoT developer guide, "Device Shadow MQTT topics"). The SDK's client of that
 * service acknowledges each answer: a message that AWS meters, and a packet that delays the next one (Nagle).
 */
export interface ShadowRequests {
  /** Resolves when the subscription stands. Unless `alone` the answers are subscribed to with it: a failure there is that of the first request. */
  openDeltas(options?: { alone?: boolean }): Promise<void>;
  /** An empty view when the Thing has no shadow yet. */
  read(): Promise<ShadowView>;
  /** Resolves with the new version. */
  update(update: ShadowUpdate): Promise<number>;
  /** Handles a message of the Shadow service; false when the topic is another one. */
  message(topic: string, payload: Buffer): boolean;
  /** The link is gone: nothing is waited for any more. */
  end(): void;
}

export interface ShadowRequestsDeps {
  thingName: string;
  /** Null: the classic shadow. */
  shadowName: string | null;
  /** Marks the requests of this session, so that a late answer to an older one is no answer. */
  token: string;
  clock: MonotonicClock;
  /** QoS 1; resolves with the PUBACK. @throws HubError `shadow_throttled` when it says that a quota is exceeded */
  publish(topic: string, payload: string): Promise<void>;
  /** Resolves with the SUBACK. */
  subscribe(filters: readonly string[], qos: 0 | 1): Promise<void>;
  onDelta(view: ShadowView): void;
  /** A message that is no JSON object. */
  onUnreadable(what: string): void;
}

type Operation = 'get' | 'update';
type Json = Record<string, unknown>;

interface Waiter {
  operation: Operation;
  resolve(answer: Json): void;
  reject(error: HubError): void;
}

const WHAT = { get: 'read the shadow', update: 'update the shadow' } as const;
/** One filter for both answers to a read, as the Thing's policy allows it. */
const FILTERS = { get: ['get/+'], update: ['update/accepted', 'update/rejected'] } as const;
const ANSWER = /^(get|update)\/(accepted|rejected)$/;

export function createShadowRequests(deps: ShadowRequestsDeps): ShadowRequests {
  const { thingName, shadowName, clock } = deps;
  const prefix = `$aws/things/${thingName}/shadow/${shadowName === null ? '' : `name/${shadowName}/`}`;
  const waiters = new Map<string, Waiter>();
  /** Answers are subscribed to before the first request of their kind. */
  const standing: { [operation in Operation]?: Promise<void> } = {};
  let requests = 0;

  /** Not acknowledged by us (QoS 0): an answer that is lost is asked for again. */
  function hear(operation: Operation): Promise<void> {
    const known = standing[operation];
    if (known) return known;
    const filters = FILTERS[operation].map((name) => prefix + name);
    const mine = deps.subscribe(filters, 0).catch((error: unknown) => {
      delete standing[operation];
      throw error;
    });
    standing[operation] = mine;
    return mine;
  }

  async function request(operation: Operation, body: Json): Promise<Json> {
    await hear(operation);
    requests += 1;
    const clientToken = `${deps.token}-${requests}`;
    const answer = new Promise<Json>((resolve, reject) => {
      waiters.set(clientToken, { operation, resolve, reject });
      deps.publish(prefix + operation, JSON.stringify({ ...body, clientToken })).catch(reject);
    });
    try {
      return await within(clock, SHADOW_TIMEOUT_MS, answer, () => {
        throw new HubError('cloud_timeout', `${WHAT[operation]}: no answer`);
      });
    } finally {
      waiters.delete(clientToken);
    }
  }

  function answered(operation: Operation, accepted: boolean, answer: Json): void {
    const waiter = typeof answer.clientToken === 'string' ? waiters.get(answer.clientToken) : undefined;
    if (waiter?.operation !== operation) return;
    if (accepted) waiter.resolve(answer);
    else waiter.reject(shadowRefusal(WHAT[operation], answer));
  }

  function objectIn(payload: Buffer): Json | null {
    try {
      const value = parseBounded(payload.toString('utf8'));
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
    } catch {
      return null;
    }
  }

  return {
    openDeltas({ alone = false } = {}) {
      const opened = deps.subscribe([`${prefix}update/delta`], 1);
      if (!alone) for (const operation of ['get', 'update'] as const) hear(operation).catch(() => {});
      return opened;
    },

    async read() {
      try {
        return readView(await request('get', {}));
      } catch (error) {
        // A Thing is born without a shadow; our first report makes it.
        if (!(error instanceof HubError) || error.code !== 'shadow_not_found') throw error;
        return { source: 'read', version: 0, timestampSeconds: 0, desired: {}, desiredMetadata: {}, reported: {} };
      }
    },

    async update({ desired, reported, version }) {
      const state = { ...(desired && { desired }), ...(reported && { reported }) };
      return versionOf(await request('update', { state, ...(version !== undefined && { version }) }));
    },

    message(topic, payload) {
      if (!topic.startsWith(prefix)) return false;
      const name = topic.slice(prefix.length);
      const [, operation, verdict] = ANSWER.exec(name) ?? [];
      if (operation === undefined && name !== 'update/delta') return false;
      const value = objectIn(payload);
      if (value === null) deps.onUnreadable(`${name}: not a JSON object`);
      else if (operation !== undefined) answered(operation as Operation, verdict === 'accepted', value);
      else {
        const view = deltaView(value);
        if (view) deps.onDelta(view);
      }
      return true;
    },

    end() {
      for (const { operation, reject } of waiters.values()) reject(new HubError('cloud_disconnected', `${WHAT[operation]}: the link fell`));
    },
  };
}
