import { expect, test } from 'vitest';
import { createFakeIotBackend } from './fake-iot-backend.ts';
import { createPresenceRule } from './presence-rule.ts';

const THING = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01';
const TOPIC = `hubs/${THING}/presence`;

function setUp() {
  const iot = createFakeIotBackend();
  const rule = createPresenceRule(iot);
  rule.start();
  iot.report(THING, { online: true, session: 'now', lastSeen: 5000 });
  const offline = (session: string, at: unknown) => iot.publish(TOPIC, JSON.stringify({ state: 'offline', session, at, version: '1.0.0' }));
  return { iot, rule, offline, reported: () => iot.shadow(THING).get()?.state.reported };
}

test('an offline of the reported session is copied', () => {
  const { offline, reported } = setUp();
  offline('now', 9000);
  expect(reported()).toEqual({ online: false, session: 'now', lastSeen: 9000 });
});

test('a will as old as its session does not move lastSeen backwards', () => {
  const { offline, reported } = setUp();
  offline('now', 1000);
  expect(reported()).toEqual({ online: false, session: 'now', lastSeen: 5000 });
});

test('the late will of an older session changes nothing', () => {
  const { iot, offline, reported } = setUp();
  offline('before', 9000);
  expect(reported()?.online).toBe(true);
  expect(iot.updates).toBe(0);
});

test('a will that arrives twice is written once', () => {
  const { iot, offline } = setUp();
  offline('now', 9000);
  offline('now', 9000);
  expect(iot.updates).toBe(1);
});

test('a report that comes between is read again and kept', () => {
  const { iot, offline, reported } = setUp();
  iot.beforeNextUpdate(() => iot.report(THING, { uptimeSeconds: 7 }));
  offline('now', 9000);
  expect(reported()).toEqual({ online: false, session: 'now', lastSeen: 9000, uptimeSeconds: 7 });
  expect(iot.updates).toBe(2);
});

test('a hub that comes back between the reading and the writing stays online', () => {
  const { iot, offline, reported } = setUp();
  iot.beforeNextUpdate(() => iot.report(THING, { session: 'next', lastSeen: 9500 }));
  offline('now', 9000);
  expect(reported()).toEqual({ online: true, session: 'next', lastSeen: 9500 });
});

test('it gives up on a shadow that refuses for ever', () => {
  const { iot, offline, reported } = setUp();
  iot.failUpdates(Number.POSITIVE_INFINITY, 409);
  offline('now', 9000);
  expect(reported()?.online).toBe(true);
  expect(iot.updates).toBe(5);
});

test.each(['', 'offline', 'null', '[]', '{"state":"offline"}', '{"state":"online","session":"now","at":9000}'])('ignores %j', (payload) => {
  const { iot } = setUp();
  iot.publish(TOPIC, payload);
  expect(iot.updates).toBe(0);
});

test('a Thing without a shadow gets none', () => {
  const { iot } = setUp();
  iot.publish('hubs/unknown/presence', JSON.stringify({ state: 'offline', session: 'now', at: 1 }));
  expect(iot.shadow('unknown').get()).toBeNull();
});

test('stopped, it does nothing more', () => {
  const { iot, rule, offline } = setUp();
  rule.stop();
  offline('now', 9000);
  expect(iot.updates).toBe(0);
});
