import { afterEach, expect, test } from 'vitest';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
afterEach(() => harness.stop());

const UPDATE = '$aws/things/hub-1/shadow/update';
const PRESENCE = 'hubs/hub-1/presence';
const WILL = { will: { topic: PRESENCE, payload: 'will', qos: 1 as const, retain: true } };
const presence = () => harness.messages.filter(({ topic }) => topic === PRESENCE).map(({ payload }) => payload.toString());
const PERSISTENT = { clean: false, properties: { sessionExpiryInterval: 3600 } };

test('kick sends a DISCONNECT and publishes the will', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { packet: WILL });
  expect(harness.core.faults.kick('hub-1')).toBe(true);
  expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
  await client.closed;
  expect(presence()).toEqual(['will']);
  expect(harness.core.faults.kick('hub-1')).toBe(false);
  expect(harness.events.map(({ kind }) => kind)).toContain('kicked');
});

test('drop resets the connection without a word and publishes the will', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1', { packet: WILL });
  expect(harness.core.faults.drop('hub-1')).toBe(true);
  await client.closed;
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(presence()).toEqual(['will']);
});

test('a half-open link is silent until its keepalive ends', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1', { packet: { ...WILL, keepalive: 30 } });
  await client.subscribe(['hubs/hub-1/#']);
  harness.core.faults.halfOpen('hub-1');
  client.send({ cmd: 'pingreq' });
  harness.core.publish('hubs/hub-1/a', 'unheard');
  clock.step(44_999);
  expect(harness.core.connections()).toEqual(['hub-1']);
  clock.step(1);
  expect(harness.core.connections()).toEqual([]);
  await client.closed;
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack', 'suback']);
  expect(presence()).toEqual(['will']);
});

test('a half-open link is taken over by a new connection', async () => {
  harness = await startHarness(['hub-1']);
  const stale = await harness.connect('hub-1');
  harness.core.faults.halfOpen('hub-1');
  await harness.connect('hub-1');
  await stale.closed;
  expect(stale.received.map(({ cmd }) => cmd)).toEqual(['connack']);
});

test('delay holds back every packet, in order, until it is ended', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1');
  const { faults } = harness.core;
  faults.delay('hub-1', 500);
  const slow = client.publish('hubs/hub-1/a', '1');
  await harness.message(({ topic }) => topic === 'hubs/hub-1/a');
  faults.delay('hub-1', 0);
  client.send({ cmd: 'pingreq' });
  const answered = client.next('pingresp');
  clock.step(500);
  await Promise.all([slow, answered]);
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack', 'puback', 'pingresp']);
});

test('an acknowledgement comes twice as often as asked, then once again', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  harness.core.faults.duplicatePubacks(1);
  await client.publish('hubs/hub-1/a', '1');
  await client.publish('hubs/hub-1/a', '2');
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack', 'puback', 'puback', 'puback', 'pingresp']);
});

test('a kick over a slow link still says why', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  const client = await harness.connect('hub-1');
  harness.core.faults.delay('hub-1', 500);
  harness.core.faults.kick('hub-1');
  expect(harness.core.connections()).toEqual([]);
  clock.step(500);
  expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x98 });
});

test('denied prefixes end the connection', async () => {
  harness = await startHarness(['hub-1']);
  const { faults } = harness.core;
  faults.denySubscribe('$aws/things/hub-1/shadow/name/');
  faults.denyPublish('hubs/hub-1/commands/');
  const reader = await harness.connect('hub-1');
  await reader.subscribe(['hubs/hub-1/#']);
  reader.subscribe(['$aws/things/hub-1/shadow/name/x/#']).catch(() => {});
  expect(await reader.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
  const writer = await harness.connect('hub-1');
  await writer.publish(PRESENCE, 'ok');
  writer.publish('hubs/hub-1/commands/1/result', '').catch(() => {});
  expect(await writer.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
  faults.clear();
  await (await harness.connect('hub-1')).publish('hubs/hub-1/commands/1/result', 'ok');
});

test('an account without commands ends the connection on that subscription', async () => {
  harness = await startHarness(['hub-1']);
  const filter = '$aws/commands/things/hub-1/executions/+/request/json';
  harness.core.faults.withoutCommandsFeature(true);
  const client = await harness.connect('hub-1');
  client.subscribe([filter]).catch(() => {});
  expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
  harness.core.faults.withoutCommandsFeature(false);
  expect((await (await harness.connect('hub-1')).subscribe([filter])).granted).toEqual([1]);
});

test('a late will arrives after the next birth', async () => {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  harness = await startHarness(['hub-1'], { clock });
  harness.core.faults.lateWill('hub-1', 3_000);
  await harness.connect('hub-1', { packet: { ...WILL, ...PERSISTENT } });
  harness.core.faults.drop('hub-1');
  const next = await harness.connect('hub-1', { packet: { ...WILL, ...PERSISTENT } });
  await next.publish(PRESENCE, 'birth', { retain: true });
  expect(presence()).toEqual(['birth']);
  clock.step(3_000);
  expect(presence()).toEqual(['birth', 'will']);
  expect(harness.core.retained(PRESENCE)?.toString()).toBe('will');
});

test('so many wills are published twice', async () => {
  harness = await startHarness(['hub-1']);
  harness.core.faults.duplicateWill('hub-1', 1);
  for (let connection = 0; connection < 2; connection++) {
    await harness.connect('hub-1', { packet: WILL });
    harness.core.faults.drop('hub-1');
  }
  expect(presence()).toEqual(['will', 'will', 'will']);
});

test('so many PUBACKs are lost, on topics with the prefix; the messages arrive', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  harness.core.faults.losePubacks(1, 'hubs/hub-1/commands/');
  await client.publish('hubs/hub-1/other', '');
  client.send({ cmd: 'publish', topic: 'hubs/hub-1/commands/1/result', payload: 'r', qos: 1, dup: false, retain: false, messageId: 90 });
  client.send({ cmd: 'publish', topic: 'hubs/hub-1/commands/2/result', payload: 'r', qos: 1, dup: false, retain: false, messageId: 91 });
  expect((await client.next('puback')).messageId).toBe(91);
  expect(harness.messages.filter(({ topic }) => topic.startsWith('hubs/hub-1/commands/'))).toHaveLength(2);
});

test('shadow responses are lost, updates refused, deltas repeated, as often as told', async () => {
  harness = await startHarness(['hub-1']);
  const { core } = harness;
  const client = await harness.connect('hub-1');
  await client.subscribe(['$aws/things/hub-1/shadow/update/+']);
  core.shadow('hub-1').update({ state: { desired: { command: 'x' } } });
  const first = await client.next('publish', ({ topic }) => topic.endsWith('/delta'));
  core.faults.redeliverDelta('hub-1');
  const again = await client.next('publish', ({ topic }) => topic.endsWith('/delta'));
  expect(again.payload).toEqual(first.payload);
  core.faults.failShadowUpdates(1, 409);
  await client.publish(UPDATE, { state: { reported: { a: 1 } }, clientToken: 'refused' });
  const rejected = await client.next('publish', ({ topic }) => topic.endsWith('/rejected'));
  expect(JSON.parse(rejected.payload.toString())).toMatchObject({ code: 409, clientToken: 'refused' });
  core.faults.loseShadowResponses(1);
  await client.publish(UPDATE, { state: { reported: { a: 2 } }, clientToken: 'lost' });
  await client.publish(UPDATE, { state: { reported: { a: 3 } }, clientToken: 'heard' });
  await client.next('publish', ({ topic, payload }) => topic.endsWith('/accepted') && payload.toString().includes('heard'));
  const accepted = client.publishes().filter(({ topic, payload }) => topic.endsWith('/accepted') && payload.includes('"lost"'));
  expect(accepted).toEqual([]);
  expect(core.shadow('hub-1').get()).toMatchObject({ version: 3, state: { reported: { a: 3 } } });
});

test('lifecycle events come late, out of order and twice, the same way for the same seed', async () => {
  const orders: string[] = [];
  for (let run = 0; run < 2; run++) {
    const clock = createSteppedClock({ zeroDelays: 'immediate' });
    harness = await startHarness(['hub-1'], { clock });
    harness.core.faults.disturbLifecycle(10_000, 0.5, 42);
    for (let connection = 0; connection < 5; connection++) {
      await harness.connect('hub-1');
      harness.core.faults.drop('hub-1');
    }
    expect(harness.messages).toEqual([]);
    clock.step(10_000);
    const events = harness.messages.map(({ payload }) => JSON.parse(payload.toString()));
    expect(events.length).toBeGreaterThan(10);
    orders.push(events.map(({ eventType, versionNumber }) => `${eventType}${versionNumber}`).join());
    if (run === 0) await harness.stop();
  }
  expect(orders[0]).toBe(orders[1]);
  expect(orders[0]).not.toMatch(/^connected0,disconnected0,connected1,disconnected1,connected2/);
});

test('new connections are refused with the given reason until told otherwise', async () => {
  harness = await startHarness(['hub-1']);
  const { faults } = harness.core;
  faults.refuseConnect(0x88);
  const refused = await harness.open('hub-1');
  expect(await refused.connect({ clientId: 'hub-1' })).toMatchObject({ reasonCode: 0x88 });
  await refused.closed;
  faults.refuseConnect(null);
  await harness.connect('hub-1');
});

test("the cloud's clock can be moved; shadow times follow it", async () => {
  harness = await startHarness(['hub-1'], { wallClock: { nowMs: () => 1_000_000 } });
  const { core } = harness;
  core.faults.shiftClock(3_600_000);
  expect(core.nowMs()).toBe(4_600_000);
  core.shadow('hub-1').update({ state: { desired: { a: 1 } } });
  expect(core.shadow('hub-1').get()).toMatchObject({ timestamp: 4_600, metadata: { desired: { a: { timestamp: 4_600 } } } });
});

test('a refused subscription is allowed again, and others stay refused', async () => {
  harness = await startHarness(['hub-1']);
  const { faults } = harness.core;
  faults.denySubscribe('hubs/hub-1/presence');
  faults.denySubscribe('hubs/hub-1/commands');
  faults.allowSubscribe('hubs/hub-1/presence');
  const client = await harness.connect('hub-1');
  await client.subscribe([PRESENCE]);
  client.subscribe(['hubs/hub-1/commands/#']).catch(() => {});
  expect(await client.next('disconnect')).toMatchObject({ reasonCode: 0x87 });
});

test('a blocked port ends new connections, leaves old ones, and the ALPN port serves', async () => {
  harness = await startHarness(['hub-1', 'hub-2'], { alpnPort: 0 });
  const { faults, alpnPort } = harness.core;
  const old = await harness.connect('hub-1');
  faults.blockPort(true);
  await expect(harness.open('hub-2')).rejects.toThrow();
  await harness.connect('hub-2', { port: alpnPort, alpn: 'x-amzn-mqtt-ca' });
  await old.publish(PRESENCE, 'still here');
  faults.blockPort(false);
  await harness.connect('hub-2');
});

test('who watches packets sees both directions with their sizes, from the CONNECT on', async () => {
  harness = await startHarness(['hub-1']);
  const seen: string[] = [];
  const end = harness.core.onPacket(({ clientId, direction, packet, bytes }) =>
    seen.push(`${clientId} ${direction} ${packet.cmd} ${bytes}`),
  );
  const client = await harness.connect('hub-1', { packet: { clean: true } });
  await client.publish('hubs/hub-1/a', 'x'.repeat(200));
  // Fixed header 3, topic 2 + 12, id 2, length of properties 1, payload.
  expect(seen.map((line) => line.replace(/(connect|connack) \d+/, '$1'))).toEqual([
    'hub-1 up connect',
    'hub-1 down connack',
    `hub-1 up publish ${3 + 2 + 12 + 2 + 1 + 200}`,
    expect.stringMatching(/^hub-1 down puback \d$/),
  ]);
  end();
  await client.publish('hubs/hub-1/a', 'y');
  expect(seen).toHaveLength(4);
});
