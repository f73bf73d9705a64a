import { afterEach, expect, test } from 'vitest';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
afterEach(() => harness.stop());

const PERSISTENT = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const gone = (clientId: string) => harness.event((event) => event.kind === 'disconnected' && event.clientId === clientId);

test('a persistent session keeps subscriptions and QoS 1 messages, drained at ten a second', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const first = await harness.connect('hub-1', { packet: PERSISTENT });
  await first.subscribe(['hubs/hub-1/#']);
  first.destroy();
  await gone('hub-1');
  for (const text of ['one', 'two', 'three']) harness.core.publish('hubs/hub-1/a', text);
  harness.core.publish('hubs/hub-1/a', 'lost', { qos: 0 });
  const second = await harness.open('hub-1');
  expect((await second.connect({ clientId: 'hub-1', ...PERSISTENT })).sessionPresent).toBe(true);
  await second.next('publish', ({ payload }) => payload.toString() === 'one');
  harness.core.publish('hubs/hub-1/a', 'live');
  await second.next('publish', ({ payload }) => payload.toString() === 'live');
  expect(second.publishes().map(({ payload }) => payload)).toEqual(['one', 'live']);
  clock.step(100);
  await second.next('publish', ({ payload }) => payload.toString() === 'two');
  expect(second.publishes()).toHaveLength(3);
  clock.step(100);
  await second.next('publish', ({ payload }) => payload.toString() === 'three');
});

test('what was not acknowledged comes again with its packet id and the dup flag', async () => {
  harness = await startHarness(['hub-1'], { limits: { drainMessagesPerSecond: 1_000 } });
  const first = await harness.connect('hub-1', { packet: PERSISTENT, acknowledges: false });
  await first.subscribe(['hubs/hub-1/#']);
  harness.core.publish('hubs/hub-1/a', 'one');
  harness.core.publish('hubs/hub-1/a', 'two');
  const one = await first.next('publish');
  await first.next('publish');
  first.send({ cmd: 'puback', messageId: one.messageId! });
  first.send({ cmd: 'pingreq' });
  await first.next('pingresp');
  first.destroy();
  await gone('hub-1');
  harness.core.publish('hubs/hub-1/a', 'three');
  const second = await harness.connect('hub-1', { packet: PERSISTENT });
  expect(await second.next('publish')).toMatchObject({ messageId: 2, dup: true });
  const third = await second.next('publish');
  expect(third).toMatchObject({ dup: false });
  expect(third.messageId).not.toBe(2);
  expect(second.publishes().map(({ payload }) => payload)).toEqual(['two', 'three']);
});

test('a session ends with its expiry, a clean start or an expiry of 0', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const present = async (packet: object) => {
    const client = await harness.open('hub-1');
    const connack = await client.connect({ clientId: 'hub-1', ...packet });
    await client.disconnect();
    return connack.sessionPresent;
  };
  expect(await present(PERSISTENT)).toBe(false);
  clock.step(3_599_000);
  expect(await present(PERSISTENT)).toBe(true);
  clock.step(3_600_000);
  expect(await present(PERSISTENT)).toBe(false);
  expect(await present({ ...PERSISTENT, clean: true })).toBe(false);
  expect(await present({ clean: false, properties: { sessionExpiryInterval: 0 } })).toBe(true);
  expect(await present(PERSISTENT)).toBe(false);
});

test('an MQTT 3.1.1 client without clean session has one for an hour', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  for (const [waitMs, sessionPresent] of [
    [0, false],
    [3_599_000, true],
    [3_600_000, false],
  ] as const) {
    clock.step(waitMs);
    const client = await harness.open('hub-1', { protocolVersion: 4 });
    expect(await client.connect({ clientId: 'hub-1', clean: false })).toMatchObject({ returnCode: 0, sessionPresent });
    await client.disconnect();
  }
});

test('DISCONNECT may change the session expiry, but not from 0', async () => {
  harness = await startHarness(['hub-1']);
  const first = await harness.connect('hub-1', { packet: PERSISTENT });
  first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await first.closed;
  const second = await harness.open('hub-1');
  expect((await second.connect({ clientId: 'hub-1', clean: false })).sessionPresent).toBe(false);
  second.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 10 } });
  expect(await second.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
});

test("the client's receive maximum bounds what is in flight to it", async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { acknowledges: false, packet: { properties: { receiveMaximum: 2 } } });
  await client.subscribe(['hubs/hub-1/#']);
  for (let index = 0; index < 5; index++) harness.core.publish('hubs/hub-1/a', `${index}`);
  const first = await client.next('publish');
  await client.next('publish');
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  expect(client.publishes()).toHaveLength(2);
  client.send({ cmd: 'puback', messageId: first.messageId! });
  await client.next('publish');
  expect(client.publishes().map(({ payload }) => payload)).toEqual(['0', '1', '2']);
});

test('a message larger than the client takes is left out', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { packet: { properties: { maximumPacketSize: 200 } } });
  await client.subscribe(['hubs/hub-1/#']);
  harness.core.publish('hubs/hub-1/a', 'x'.repeat(300));
  harness.core.publish('hubs/hub-1/a', 'short');
  expect((await client.next('publish')).payload.toString()).toBe('short');
});

test('a message expires while it waits; what is left of its time goes along', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1');
  const options = (messageExpiryInterval: number) => ({ retain: true, properties: { messageExpiryInterval } });
  await client.publish('hubs/hub-1/short', 's', options(5));
  await client.publish('hubs/hub-1/long', 'l', options(60));
  clock.step(10_000);
  await client.subscribe(['hubs/hub-1/#']);
  const retained = await client.next('publish');
  expect(retained).toMatchObject({ topic: 'hubs/hub-1/long', properties: { messageExpiryInterval: 50 } });
});

test('retained messages: replayed to new subscribers, replaced, cleared by an empty one', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.publish('hubs/hub-1/presence', 'offline', { retain: true });
  await client.publish('hubs/hub-1/presence', 'online', { retain: true });
  expect(harness.core.retained('hubs/hub-1/presence')?.toString()).toBe('online');
  await client.subscribe(['hubs/hub-1/+']);
  expect(await client.next('publish')).toMatchObject({ retain: true, qos: 1 });
  await client.publish('hubs/hub-1/presence', 'live', { retain: true });
  expect(await client.next('publish')).toMatchObject({ retain: false });
  await client.publish('hubs/hub-1/presence', '', { retain: true });
  expect(harness.core.retained('hubs/hub-1/presence')).toBeNull();
});

test('retain handling and retain as published', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  harness.core.publish('hubs/hub-1/a', 'kept', { retain: true });
  const filter = { topic: 'hubs/hub-1/a', qos: 1 as const };
  await client.subscribe([{ ...filter, rh: 2 }]);
  await client.subscribe([{ ...filter, rh: 1 }]);
  await client.subscribe([{ ...filter, rh: 1, rap: true }]);
  harness.core.publish('hubs/hub-1/a', 'live', { retain: true });
  expect(await client.next('publish')).toMatchObject({ retain: true });
  expect(client.publishes().map(({ payload }) => payload)).toEqual(['live']);
  await client.subscribe([{ ...filter, rh: 0 }]);
  expect(await client.next('publish')).toMatchObject({ retain: true });
});

test('a client hears its own messages unless it subscribed with no local; overlapping filters deliver once', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.subscribe([{ topic: 'hubs/hub-1/quiet', qos: 1, nl: true }]);
  await client.subscribe([
    { topic: 'hubs/hub-1/loud/#', qos: 0 },
    { topic: 'hubs/hub-1/loud', qos: 1 },
  ]);
  await client.publish('hubs/hub-1/quiet', 'q');
  await client.publish('hubs/hub-1/loud', 'l');
  expect(await client.next('publish')).toMatchObject({ topic: 'hubs/hub-1/loud', qos: 1 });
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  expect(client.publishes()).toHaveLength(1);
});

test('a shared subscription gets live messages but no retained ones', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  harness.core.publish('hubs/hub-1/a', 'retained', { retain: true });
  expect((await client.subscribe(['$share/group/hubs/hub-1/#'])).granted).toEqual([1]);
  harness.core.publish('hubs/hub-1/a', 'live');
  expect((await client.next('publish')).payload.toString()).toBe('live');
});

test('properties of a publish are passed on', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.subscribe(['hubs/hub-1/#']);
  const properties = {
    contentType: 'application/json',
    responseTopic: 'hubs/hub-1/answer',
    correlationData: Buffer.from('c'),
    userProperties: { a: '1', b: ['2', '3'] },
  };
  await client.publish('hubs/hub-1/a', '{}', { properties });
  expect((await client.next('publish')).properties).toMatchObject({ ...properties, userProperties: { a: '1', b: ['2', '3'] } });
});

test('unsubscribing ends the messages, and tells what was never there', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.subscribe(['hubs/hub-1/#']);
  client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['hubs/hub-1/#', 'hubs/hub-1/x'] });
  expect((await client.next('unsuback')).granted).toEqual([0, 0x11]);
  await client.publish('hubs/hub-1/a', 'x');
  expect(client.publishes()).toEqual([]);
});

test('a restart of the broker keeps sessions, retained messages and shadows, on the same port', async () => {
  harness = await startHarness(['hub-1'], { limits: { drainMessagesPerSecond: 1_000 } });
  const { core } = harness;
  const { port } = core;
  const client = await harness.connect('hub-1', { packet: PERSISTENT });
  await client.subscribe(['hubs/hub-1/#']);
  await client.publish('hubs/hub-1/kept', 'k', { retain: true });
  core.shadow('hub-1').update({ state: { reported: { a: 1 } } });
  await core.stop();
  await client.closed;
  expect(core.connections()).toEqual([]);
  await expect(harness.open('hub-1')).rejects.toThrow();
  core.publish('hubs/hub-1/a', 'while away');
  await core.start();
  expect(core.port).toBe(port);
  expect(core.shadow('hub-1').get()).toMatchObject({ version: 1 });
  expect(core.retained('hubs/hub-1/kept')?.toString()).toBe('k');
  const again = await harness.open('hub-1');
  expect((await again.connect({ clientId: 'hub-1', ...PERSISTENT })).sessionPresent).toBe(true);
  await again.next('publish', ({ payload }) => payload.toString() === 'while away');
});
