import { afterEach, expect, test } from 'vitest';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
afterEach(() => harness.stop());

const PRESENCE = 'hubs/hub-1/presence';
const will = (payload: string, properties: object = {}) => ({ topic: PRESENCE, payload, qos: 1 as const, retain: true, properties });
const wills = () => harness.messages.filter(({ topic }) => topic === PRESENCE).map(({ payload }) => payload.toString());
const isWill = (text: string) => harness.message(({ topic, payload }) => topic === PRESENCE && payload.toString() === text);
const lifecycle = (type: string) =>
  harness.messages
    .filter(({ topic }) => topic === `$aws/events/presence/${type}/hub-1`)
    .map(({ payload }) => JSON.parse(payload.toString()));
const gone = (reason: string) => harness.event((event) => event.kind === 'disconnected' && event.reason === reason);

test('a connection that breaks publishes its will, retained; a goodbye does not', async () => {
  harness = await startHarness(['hub-1']);
  const polite = await harness.connect('hub-1', { packet: { will: will('polite') } });
  await polite.disconnect();
  await gone('CLIENT_INITIATED_DISCONNECT');
  const lost = await harness.connect('hub-1', { packet: { will: will('lost') } });
  lost.destroy();
  await isWill('lost');
  expect(wills()).toEqual(['lost']);
  expect(harness.core.retained(PRESENCE)?.toString()).toBe('lost');
});

test('a goodbye with reason 4 asks for the will', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { packet: { will: will('asked') } });
  await client.disconnect(4);
  await isWill('asked');
});

test('a newer connection with the same client id takes over; the will of the older one is published before the birth', async () => {
  harness = await startHarness(['hub-1']);
  const older = await harness.connect('hub-1', { packet: { will: will('older') } });
  const newer = await harness.connect('hub-1', { packet: { will: will('newer') } });
  expect(await older.next('disconnect')).toMatchObject({ reasonCode: 0x8e });
  await older.closed;
  await newer.publish(PRESENCE, 'birth', { retain: true });
  expect(wills()).toEqual(['older', 'birth']);
  expect(harness.core.connections()).toEqual(['hub-1']);
  expect(lifecycle('disconnected')).toMatchObject([{ disconnectReason: 'DUPLICATE_CLIENTID', clientInitiatedDisconnect: false }]);
});

test('a will with a delay waits, and is void when the client resumes its session', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const packet = (name: string) => ({
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
    will: will(name, { willDelayInterval: 20 }),
  });
  const first = await harness.connect('hub-1', { packet: packet('first') });
  first.destroy();
  await gone('CONNECTION_LOST');
  clock.step(19_000);
  const second = await harness.connect('hub-1', { packet: packet('second') });
  clock.step(60_000);
  expect(wills()).toEqual([]);
  harness.core.faults.drop('hub-1');
  await second.closed;
  clock.step(20_000);
  expect(wills()).toEqual(['second']);
});

test('a delayed will comes at once when the session ends: by its expiry or a clean start', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const packet = (name: string, sessionExpiryInterval: number) => ({
    clean: true,
    properties: { sessionExpiryInterval },
    will: will(name, { willDelayInterval: 600 }),
  });
  await harness.connect('hub-1', { packet: packet('no session', 0) });
  harness.core.faults.drop('hub-1');
  expect(wills()).toEqual(['no session']);
  await harness.connect('hub-1', { packet: packet('short session', 10) });
  harness.core.faults.drop('hub-1');
  clock.step(10_000);
  expect(wills()).toEqual(['no session', 'short session']);
  await harness.connect('hub-1', { packet: packet('clean start', 3600) });
  harness.core.faults.drop('hub-1');
  expect(wills()).toHaveLength(2);
  await harness.connect('hub-1', { packet: packet('next', 3600) });
  expect(wills()).toEqual(['no session', 'short session', 'clean start']);
});

test('a will on a shadow topic is published there, but the Shadow service does not take it', async () => {
  harness = await startHarness(['hub-1']);
  const topic = '$aws/things/hub-1/shadow/update';
  const payload = JSON.stringify({ state: { reported: { online: false } } });
  await harness.connect('hub-1', { packet: { will: { topic, payload, qos: 1, retain: false } } });
  harness.core.faults.drop('hub-1');
  await harness.message((message) => message.topic === topic);
  expect(harness.core.shadow('hub-1').get()).toBeNull();
});

test('lifecycle events carry what AWS sends, numbered by connection', async () => {
  harness = await startHarness(['hub-1'], { wallClock: { nowMs: () => 1_795_300_000_000 } });
  await harness.connect('hub-1');
  harness.core.faults.kick('hub-1');
  await harness.connect('hub-1');
  const [connected, again] = lifecycle('connected');
  expect(connected).toEqual({
    clientId: 'hub-1',
    timestamp: 1_795_300_000_000,
    eventType: 'connected',
    sessionIdentifier: expect.stringMatching(/^[0-9a-f-]{36}$/),
    principalIdentifier: expect.stringMatching(/^[0-9a-f]{64}$/),
    ipAddress: '127.0.0.1',
    versionNumber: 0,
  });
  expect(lifecycle('disconnected')).toEqual([
    {
      ...connected,
      eventType: 'disconnected',
      clientInitiatedDisconnect: false,
      disconnectReason: 'SERVER_INITIATED_DISCONNECT',
    },
  ]);
  expect(again).toMatchObject({ versionNumber: 1 });
  expect(again.sessionIdentifier).not.toBe(connected.sessionIdentifier);
});

test('each way to go has its reason in the lifecycle event', async () => {
  harness = await startHarness(['hub-1']);
  const reasons = () => lifecycle('disconnected').map(({ disconnectReason }) => disconnectReason);
  const forbidden = await harness.connect('hub-1');
  forbidden.publish('hubs/other', '').catch(() => {});
  await forbidden.closed;
  const wrong = await harness.connect('hub-1');
  wrong.publish('hubs/hub-1/1/2/3/4/5/6/7', '').catch(() => {});
  await wrong.closed;
  const lost = await harness.connect('hub-1');
  lost.destroy();
  await gone('CONNECTION_LOST');
  await (await harness.connect('hub-1')).disconnect();
  await gone('CLIENT_INITIATED_DISCONNECT');
  expect(reasons()).toEqual(['AUTH_ERROR', 'CLIENT_ERROR', 'CONNECTION_LOST', 'CLIENT_INITIATED_DISCONNECT']);
});

test('a stop of the broker publishes wills, and a delayed will falls due after the start', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const { core } = harness;
  await harness.connect('hub-1', { packet: { will: will('at once') } });
  await core.stop();
  expect(wills()).toEqual(['at once']);
  await core.start();
  const packet = { properties: { sessionExpiryInterval: 3600 }, will: will('later', { willDelayInterval: 30 }) };
  await harness.connect('hub-1', { packet });
  await core.stop();
  clock.step(60_000);
  expect(wills()).toEqual(['at once']);
  await core.start();
  await isWill('later');
});
