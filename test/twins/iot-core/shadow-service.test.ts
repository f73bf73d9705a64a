import { expect, test } from 'vitest';
import { AWS_LIMITS } from './limits.ts';
import { createShadowService } from './shadow-service.ts';
import type { ShadowOperation } from './topics.ts';

function setUp() {
  const published: { topic: string; document: Record<string, unknown> }[] = [];
  const control = { nowMs: 1_795_300_000_500, failure: null as number | null, losses: 0 };
  const service = createShadowService({
    limits: AWS_LIMITS,
    nowMs: () => control.nowMs,
    publish: (topic, payload) => void published.push({ topic, document: JSON.parse(payload) }),
    nextUpdateFailure: () => control.failure,
    losesNextResponse: () => control.losses-- > 0,
  });
  /** Sends a request over MQTT and returns the messages it led to, topics without their common prefix. */
  function request(operation: ShadowOperation, payload: string | object, shadowName: string | null = null) {
    published.length = 0;
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    service.handle({ thingName: 'hub-1', shadowName, operation }, Buffer.from(text));
    return published.map(({ topic, document }) => ({ topic: topic.replace(/^\$aws\/things\/hub-1\/shadow\//, ''), document }));
  }
  return { service, published, control, request };
}

test('an update answers accepted and publishes delta and documents with the client token', () => {
  const { request } = setUp();
  const [delta, accepted, documents] = request('update', { state: { desired: { a: 1 } }, clientToken: 'token' });
  expect(delta).toEqual({
    topic: 'update/delta',
    document: {
      state: { a: 1 },
      metadata: { a: { timestamp: 1_795_300_000 } },
      version: 1,
      timestamp: 1_795_300_000,
      clientToken: 'token',
    },
  });
  expect(accepted).toMatchObject({
    topic: 'update/accepted',
    document: { state: { desired: { a: 1 } }, version: 1, clientToken: 'token' },
  });
  expect(documents).toEqual({
    topic: 'update/documents',
    document: {
      current: { state: { desired: { a: 1 } }, metadata: { desired: { a: { timestamp: 1_795_300_000 } } }, version: 1 },
      timestamp: 1_795_300_000,
      clientToken: 'token',
    },
  });
});

test('documents holds the previous and the current document', () => {
  const { request } = setUp();
  request('update', { state: { reported: { a: 1 } } });
  const documents = request('update', { state: { reported: { a: 2 } } }).find(({ topic }) => topic === 'update/documents');
  expect(documents?.document).toMatchObject({
    previous: { state: { reported: { a: 1 } }, version: 1 },
    current: { state: { reported: { a: 2 } }, version: 2 },
  });
});

test('get answers the whole document, with the delta while there is one', () => {
  const { request } = setUp();
  request('update', { state: { desired: { a: 1, b: 1 }, reported: { a: 1 } } });
  const [answer] = request('get', '');
  expect(answer).toMatchObject({
    topic: 'get/accepted',
    document: { state: { desired: { a: 1, b: 1 }, reported: { a: 1 }, delta: { b: 1 } }, version: 1, timestamp: 1_795_300_000 },
  });
  expect(request('get', { clientToken: 'g' })[0]?.document.clientToken).toBe('g');
});

test('get and delete of what is not there answer 404, with the name', () => {
  const { request } = setUp();
  const message = "No shadow exists with name: 'hub-1'";
  expect(request('get', '')).toEqual([{ topic: 'get/rejected', document: { code: 404, message, timestamp: 1_795_300_000 } }]);
  expect(request('delete', { clientToken: 'd' })[0]?.document).toMatchObject({ code: 404, clientToken: 'd' });
  expect(request('get', '', 'lock')[0]).toMatchObject({ topic: 'name/lock/get/rejected', document: { code: 404 } });
});

test('delete answers the version, and the next shadow counts on from it', () => {
  const { request, service } = setUp();
  request('update', { state: { reported: { a: 1 } } });
  request('update', { state: { reported: { a: 2 } } });
  expect(request('delete', '')).toEqual([{ topic: 'delete/accepted', document: { version: 2, timestamp: 1_795_300_000 } }]);
  expect(service.get('hub-1', null)).toBeNull();
  request('update', { state: { reported: { b: 1 } } });
  expect(service.get('hub-1', null)).toMatchObject({ version: 3, state: { reported: { b: 1 } } });
});

test('named shadows are apart from the classic one', () => {
  const { request, service } = setUp();
  request('update', { state: { reported: { a: 1 } } });
  const topics = request('update', { state: { desired: { a: 2 } } }, 'lock').map(({ topic }) => topic);
  expect(topics).toEqual(['name/lock/update/delta', 'name/lock/update/accepted', 'name/lock/update/documents']);
  expect(service.get('hub-1', 'lock')?.version).toBe(1);
  expect(service.get('hub-1', null)?.state).toEqual({ reported: { a: 1 } });
});

test.each([
  ['Invalid JSON', 400, '{"state":'],
  ['Invalid JSON', 400, '[]'],
  ['Invalid JSON', 400, '"text"'],
  ['Missing required node: state', 400, '{}'],
  ['Missing required node: state', 400, ''],
  ['State node must be an object', 400, '{"state":1}'],
  ['State node must be an object', 400, '{"state":[]}'],
  ['Desired node must be an object', 400, '{"state":{"desired":1}}'],
  ['Reported node must be an object', 400, '{"state":{"reported":[]}}'],
  ["State contains an invalid node: 'other'", 400, '{"state":{"other":{}}}'],
  ['Invalid version', 400, '{"state":{},"version":"1"}'],
  ['Invalid version', 400, '{"state":{},"version":1.5}'],
  ['Invalid clientToken', 400, `{"state":{},"clientToken":"${'x'.repeat(65)}"}`],
  ['Invalid clientToken', 400, '{"state":{},"clientToken":1}'],
  ['JSON contains too many levels of nesting; maximum is 6', 400, '{"state":{"reported":{"1":{"2":{"3":{"4":{"5":{"6":{}}}}}}}}}'],
  ['Version conflict', 409, '{"state":{"reported":{"a":1}},"version":7}'],
  ['The payload exceeds the maximum size allowed', 413, `{"state":{"reported":{"a":"${'x'.repeat(8192)}"}}}`],
])('refuses with "%s" (%i)', (message, code, payload) => {
  const { request, service } = setUp();
  const answers = request('update', payload);
  expect(answers).toEqual([{ topic: 'update/rejected', document: { code, message, timestamp: 1_795_300_000 } }]);
  expect(service.get('hub-1', null)).toBeNull();
});

test('refuses what is not UTF-8', () => {
  const { service, published } = setUp();
  service.handle({ thingName: 'hub-1', shadowName: null, operation: 'update' }, Buffer.from([0x7b, 0xff, 0x7d]));
  expect(published[0]?.document).toMatchObject({ code: 415 });
});

test('state null clears both sections', () => {
  const { request, service } = setUp();
  request('update', { state: { desired: { a: 1 }, reported: { b: 1 } } });
  request('update', { state: null });
  expect(service.get('hub-1', null)).toMatchObject({ state: {}, metadata: {}, version: 2 });
});

test('a refusal echoes the client token', () => {
  const { request } = setUp();
  expect(request('update', { state: 1, clientToken: 'c' })[0]?.document).toMatchObject({ code: 400, clientToken: 'c' });
});

test('the cloud gets its refusal as the answer and nothing on a topic; its updates are published', () => {
  const { service, published } = setUp();
  expect(service.update('hub-1', null, Buffer.from('{"state":{},"version":3}'))).toEqual({
    ok: false,
    code: 409,
    message: 'Version conflict',
  });
  expect(published).toEqual([]);
  expect(service.update('hub-1', null, Buffer.from('{"state":{"desired":{"a":1}}}'))).toEqual({
    ok: true,
    version: 1,
    timestamp: 1_795_300_000,
  });
  expect(published.map(({ topic }) => topic.split('/').at(-1))).toEqual(['delta', 'accepted', 'documents']);
});

test('faults: refused updates and lost responses concern MQTT only', () => {
  const { service, request, control, published } = setUp();
  control.failure = 429;
  expect(request('update', { state: {}, clientToken: 'x' })[0]?.document).toMatchObject({ code: 429, clientToken: 'x' });
  expect(service.update('hub-1', null, Buffer.from('{"state":{}}')).ok).toBe(true);
  control.failure = null;
  control.losses = 1;
  expect(request('update', { state: { desired: { a: 1 } } }).map(({ topic }) => topic)).toEqual(['update/delta', 'update/documents']);
  expect(request('get', '')).toHaveLength(1);
  published.length = 0;
  service.redeliverDelta('hub-1');
  expect(published).toMatchObject([{ topic: '$aws/things/hub-1/shadow/update/delta', document: { state: { a: 1 }, version: 2 } }]);
});
