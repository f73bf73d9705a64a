import { applyUpdate, deltaOf, documentOf, NO_SHADOW, type Shadow } from './shadow.ts';
import type { Json, JsonObject } from './shadow-document.ts';
import { checkUpdate, parseRequest, type ShadowRefusal } from './shadow-request.ts';
import { type ShadowTopic, shadowTopicPrefix } from './topics.ts';
import type { IotCoreLimits, ShadowDocument, ShadowWriteResult } from './types.ts';

export interface ShadowServiceDeps {
  limits: IotCoreLimits;
  /** The cloud's time of day in epoch milliseconds. */
  nowMs(): number;
  /** Sends one of the service's messages to whoever subscribed. */
  publish(topic: string, payload: string): void;
  /** A refusal to give instead of doing the update, for tests of it; null: do it. */
  nextUpdateFailure(): number | null;
  /** True when the next answer (accepted or rejected) is to be lost. */
  losesNextResponse(): boolean;
}

/** The Shadow service: answers requests and tells everybody about changes. */
export interface ShadowService {
  /** A request that came over MQTT; answered on its `accepted` or `rejected` topic. */
  handle(topic: ShadowTopic, payload: Buffer): void;
  /** Answers 429 without doing anything. */
  refuseTooMany(topic: ShadowTopic, payload: Buffer): void;
  get(thingName: string, shadowName: string | null): ShadowDocument | null;
  update(thingName: string, shadowName: string | null, payload: Buffer): ShadowWriteResult;
  remove(thingName: string, shadowName: string | null): ShadowWriteResult;
  /** Publishes the last delta of the classic shadow again. */
  redeliverDelta(thingName: string): void;
}

/** Over HTTPS a refusal is the answer itself and appears on no topic; the faults are for MQTT requests. */
interface ShadowRequest extends ShadowTopic {
  overMqtt: boolean;
}

const MESSAGES: Record<number, string> = { 409: 'Version conflict', 429: 'Too many requests', 500: 'Internal service failure' };

export function createShadowService(deps: ShadowServiceDeps): ShadowService {
  const shadows = new Map<string, Shadow>();
  const lastDeltas = new Map<string, string>();
  const keyOf = (thingName: string, shadowName: string | null) => (shadowName === null ? thingName : `${thingName}~${shadowName}`);
  const load = (thingName: string, shadowName: string | null) => shadows.get(keyOf(thingName, shadowName)) ?? NO_SHADOW;
  const timestamp = () => Math.floor(deps.nowMs() / 1000);

  function respond(topic: ShadowRequest, kind: 'accepted' | 'rejected', answer: object, clientToken: Json | undefined): void {
    if (!topic.overMqtt && kind === 'rejected') return;
    if (topic.overMqtt && deps.losesNextResponse()) return;
    const prefix = shadowTopicPrefix(topic.thingName, topic.shadowName);
    deps.publish(`${prefix}/${topic.operation}/${kind}`, JSON.stringify(withToken(answer, clientToken)));
  }

  function reject(topic: ShadowRequest, refusal: ShadowRefusal, clientToken: Json | undefined): ShadowWriteResult {
    respond(topic, 'rejected', { ...refusal, timestamp: timestamp() }, clientToken);
    return { ok: false, ...refusal };
  }

  function update(topic: ShadowRequest, payload: Buffer): ShadowWriteResult {
    const parsed = parseRequest(payload, deps.limits);
    if (!parsed.ok) return reject(topic, parsed.refusal, undefined);
    const { clientToken } = parsed.value;
    const failure = topic.overMqtt ? deps.nextUpdateFailure() : null;
    if (failure !== null) return reject(topic, { code: failure, message: MESSAGES[failure] ?? 'Refused' }, clientToken);
    const checked = checkUpdate(parsed.value, deps.limits);
    if (!checked.ok) return reject(topic, checked.refusal, clientToken);
    const before = load(topic.thingName, topic.shadowName);
    const change = applyUpdate(before, checked.value, timestamp(), deps.limits.maxShadowBytes);
    if ('code' in change) return reject(topic, change, clientToken);
    const key = keyOf(topic.thingName, topic.shadowName);
    shadows.set(key, change.shadow);
    const prefix = `${shadowTopicPrefix(topic.thingName, topic.shadowName)}/update`;
    if (change.delta) {
      const delta = JSON.stringify(withToken(change.delta, clientToken));
      lastDeltas.set(key, delta);
      deps.publish(`${prefix}/delta`, delta);
    }
    const { timestamp: at } = change.accepted;
    const documents = { ...(before.exists ? { previous: documentOf(before) } : {}), current: documentOf(change.shadow), timestamp: at };
    respond(topic, 'accepted', change.accepted, clientToken);
    deps.publish(`${prefix}/documents`, JSON.stringify(withToken(documents, clientToken)));
    return { ok: true, version: change.shadow.version, timestamp: at };
  }

  function get(thingName: string, shadowName: string | null): ShadowDocument | null {
    const shadow = load(thingName, shadowName);
    if (!shadow.exists) return null;
    const { state, ...rest } = documentOf(shadow);
    const delta = deltaOf(shadow);
    return { state: delta ? { ...state, delta: delta.state } : state, ...rest, timestamp: timestamp() } as ShadowDocument;
  }

  function remove(topic: ShadowRequest, clientToken: Json | undefined): ShadowWriteResult {
    const shadow = load(topic.thingName, topic.shadowName);
    if (!shadow.exists) return reject(topic, missing(topic), clientToken);
    const key = keyOf(topic.thingName, topic.shadowName);
    shadows.set(key, { ...NO_SHADOW, version: shadow.version });
    lastDeltas.delete(key);
    const answer = { version: shadow.version, timestamp: timestamp() };
    respond(topic, 'accepted', answer, clientToken);
    return { ok: true, ...answer };
  }

  const missing = (topic: ShadowRequest): ShadowRefusal => ({
    code: 404,
    message: `No shadow exists with name: '${keyOf(topic.thingName, topic.shadowName)}'`,
  });

  return {
    handle(request, payload) {
      const topic = { ...request, overMqtt: true };
      if (topic.operation === 'update') return void update(topic, payload);
      const parsed = parseRequest(payload, deps.limits);
      if (!parsed.ok) return void reject(topic, parsed.refusal, undefined);
      const { clientToken } = parsed.value;
      if (topic.operation === 'delete') return void remove(topic, clientToken);
      const document = get(topic.thingName, topic.shadowName);
      if (!document) return void reject(topic, missing(topic), clientToken);
      respond(topic, 'accepted', document, clientToken);
    },
    refuseTooMany(request, payload) {
      const topic = { ...request, overMqtt: true };
      const parsed = parseRequest(payload, deps.limits);
      reject(topic, { code: 429, message: MESSAGES[429]! }, parsed.ok ? parsed.value.clientToken : undefined);
    },
    get,
    update: (thingName, shadowName, payload) => update({ thingName, shadowName, operation: 'update', overMqtt: false }, payload),
    remove: (thingName, shadowName) => remove({ thingName, shadowName, operation: 'delete', overMqtt: false }, undefined),
    redeliverDelta(thingName) {
      const delta = lastDeltas.get(keyOf(thingName, null));
      if (delta !== undefined) deps.publish(`${shadowTopicPrefix(thingName, null)}/update/delta`, delta);
    },
  };
}

function withToken(answer: object, clientToken: Json | undefined): JsonObject {
  return (clientToken === undefined ? answer : { ...answer, clientToken }) as JsonObject;
}
