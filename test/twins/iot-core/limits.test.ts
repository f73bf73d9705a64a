import { afterEach, expect, test } from 'vitest';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { type Harness, startHarness } from './harness.ts';
import type { RawClient } from './raw-client.ts';

let harness: Harness;
afterEach(() => harness.stop());

const TOPIC = 'hubs/hub-1/data';

/** Expects the broker to end the connection with this DISCONNECT. */
async function expectDisconnect(client: RawClient, reasonCode: number): Promise<void> {
  expect(await client.next('disconnect')).toMatchObject({ reasonCode });
  await client.closed;
}

test.each([
  [0, 1200],
  [1, 30],
  [29, 30],
  [1201, 1200],
])('keepalive %i becomes %i in the CONNACK', async (keepalive, serverKeepAlive) => {
  harness = await startHarness(['hub-1']);
  const client = await harness.open('hub-1');
  expect((await client.connect({ clientId: 'hub-1', keepalive })).properties?.serverKeepAlive).toBe(serverKeepAlive);
});

test('a keepalive within the range is not touched', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.open('hub-1');
  expect((await client.connect({ clientId: 'hub-1', keepalive: 30 })).properties?.serverKeepAlive).toBeUndefined();
});

test('drops a silent client after 1.5 keepalives, a pinging one not', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1', { packet: { keepalive: 30 } });
  clock.step(44_000);
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  clock.step(44_000);
  expect(harness.core.connections()).toEqual(['hub-1']);
  clock.step(1_000);
  await expectDisconnect(client, 0x8d);
  await harness.event(({ kind, reason }) => kind === 'disconnected' && reason === 'MQTT_KEEP_ALIVE_TIMEOUT');
});

test('a second CONNECT of a client id within a second is refused, and the first stays', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock, limits: { connectsPerSecondPerClient: 1 } });
  await harness.connect('hub-1');
  const second = await harness.open('hub-1');
  expect(await second.connect({ clientId: 'hub-1' })).toMatchObject({ reasonCode: 0x97 });
  await second.closed;
  const old = await harness.open('hub-1', { protocolVersion: 4 });
  expect(await old.connect({ clientId: 'hub-1' })).toMatchObject({ returnCode: 3 });
  expect(harness.core.connections()).toEqual(['hub-1']);
  clock.step(1_000);
  await harness.connect('hub-1');
});

test('a ninth filter in a SUBSCRIBE ends the connection', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  const filters = Array.from({ length: 9 }, (_, index) => `hubs/hub-1/${index}`);
  expect((await client.subscribe(filters.slice(0, 8))).granted).toHaveLength(8);
  client.subscribe(filters).catch(() => {});
  await expectDisconnect(client, 0x97);
  expect(harness.events).toContainEqual(expect.objectContaining({ kind: 'limit', clientId: 'hub-1' }));
});

test('the fifty-first subscription ends the connection, the same one again does not', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  for (let index = 0; index < 50; index++) await client.subscribe([`hubs/hub-1/${index}`]);
  await client.subscribe(['hubs/hub-1/0']);
  client.subscribe(['hubs/hub-1/50']).catch(() => {});
  await expectDisconnect(client, 0x97);
});

test('publishes beyond 100 a second are discarded with a quota PUBACK', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1');
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => client.publish(TOPIC, `${index}`)));
  expect(answers.every(({ reasonCode }) => !reasonCode)).toBe(true);
  expect(await client.publish(TOPIC, 'too many')).toMatchObject({ reasonCode: 0x97 });
  clock.step(10);
  expect((await client.publish(TOPIC, 'again')).reasonCode ?? 0).toBe(0);
  expect(harness.messages.filter(({ topic }) => topic === TOPIC)).toHaveLength(101);
});

test('more than 512 KB a second wait', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1');
  const payload = 'x'.repeat(128 * 1024);
  const sent = Array.from({ length: 5 }, () => client.publish(TOPIC, payload));
  await Promise.all(sent.slice(0, 3));
  client.send({ cmd: 'pingreq' });
  // Whatever was read before the pause has been answered; the ping is behind more than a second's bytes.
  await expect(Promise.race([client.next('pingresp').then(() => 'answered'), flushed()])).resolves.toBe('held back');
  clock.step(2_000);
  await Promise.all(sent);

  async function flushed(): Promise<string> {
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    return 'held back';
  }
});

test('more than 100 unacknowledged QoS 1 publishes end the connection', async () => {
  harness = await startHarness(['hub-1'], { limits: { publishesPerSecond: 1_000 } });
  harness.core.faults.losePubacks(200);
  const client = await harness.connect('hub-1');
  for (let messageId = 1; messageId <= 101; messageId++) {
    client.send({ cmd: 'publish', topic: TOPIC, payload: '', qos: 1, dup: false, retain: false, messageId });
  }
  await expectDisconnect(client, 0x93);
});

test.each([
  ['a payload over 128 KB', 0x95, TOPIC, 'x'.repeat(128 * 1024 + 1), {}],
  ['a packet over the maximum', 0x95, TOPIC, 'x'.repeat(150_000), {}],
  ['eight slashes', 0x90, 'hubs/hub-1/2/3/4/5/6/7/8', '', {}],
  ['a topic over 256 bytes', 0x90, `hubs/hub-1/${'x'.repeat(250)}`, '', {}],
  ['QoS 2', 0x9b, TOPIC, '', { qos: 2 as const }],
  ['a topic alias over 8', 0x94, TOPIC, '', { properties: { topicAlias: 9 } }],
  ['an alias never set', 0x94, '', '', { properties: { topicAlias: 3 } }],
  ["another Thing's topic", 0x87, 'hubs/hub-2/data', '', {}],
  ["an answer of AWS's own", 0x87, '$aws/things/hub-1/shadow/update/accepted', '{}', {}],
  ['a topic outside the policy', 0x87, '$aws/things/hub-1/jobs/get', '', {}],
])('%s in a PUBLISH ends the connection with reason %i', async (_name, reasonCode, topic, payload, options) => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  client.publish(topic, payload, options).catch(() => {});
  await expectDisconnect(client, reasonCode);
  expect(harness.messages.filter((message) => message.clientId === 'hub-1')).toEqual([]);
});

test('what is just within the limits passes', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.publish('hubs/hub-1/2/3/4/5/6/7', 'x'.repeat(128 * 1024));
  await client.publish(TOPIC, 'a', { properties: { topicAlias: 8 } });
  await client.publish('', 'b', { properties: { topicAlias: 8 } });
  const mine = harness.messages.filter(({ topic }) => topic === TOPIC);
  expect(mine.map(({ payload }) => payload.toString())).toEqual(['a', 'b']);
});

test.each([
  ['eight slashes', 0x8f, 'hubs/hub-1/2/3/4/5/6/7/#'],
  ['a wildcard inside a level', 0x8f, 'hubs/hub-1/a+'],
  ["another Thing's topics", 0x87, 'hubs/+/presence'],
  ['everything', 0x87, '#'],
  ['lifecycle events', 0x87, '$aws/events/presence/connected/hub-1'],
])('%s in a SUBSCRIBE ends the connection with reason %i', async (_name, reasonCode, filter) => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  client.subscribe([filter]).catch(() => {});
  await expectDisconnect(client, reasonCode);
});

test('subscription identifiers and QoS 2 subscriptions are not supported', async () => {
  harness = await startHarness(['hub-1']);
  const first = await harness.connect('hub-1');
  const subscriptions = [{ topic: 'hubs/hub-1/#', qos: 1 as const }];
  first.send({ cmd: 'subscribe', messageId: 1, subscriptions, properties: { subscriptionIdentifier: 7 } });
  await expectDisconnect(first, 0xa1);
  const second = await harness.connect('hub-1');
  second.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hubs/hub-1/#', qos: 2 }] });
  await expectDisconnect(second, 0x9b);
});

test('an MQTT 3.1.1 client is just cut off', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { protocolVersion: 4 });
  client.subscribe(['hubs/hub-2/#']).catch(() => {});
  await client.closed;
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack']);
});

test('the eleventh shadow request in flight is answered 429', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock, shadowLatencyMs: 20 });
  const client = await harness.connect('hub-1');
  await client.subscribe(['$aws/things/hub-1/shadow/update/+']);
  const updates = Array.from({ length: 11 }, (_, index) =>
    client.publish('$aws/things/hub-1/shadow/update', { state: { reported: { index } }, clientToken: `t${index}` }),
  );
  await Promise.all(updates);
  const rejected = await client.next('publish', ({ topic }) => topic.endsWith('/rejected'));
  expect(JSON.parse(rejected.payload.toString())).toMatchObject({ code: 429, clientToken: 't10' });
  clock.step(20);
  await client.next('publish', ({ payload }) => payload.toString().includes('"version":10'));
  expect(harness.core.shadow('hub-1').get()).toMatchObject({ version: 10, state: { reported: { index: 9 } } });
});
