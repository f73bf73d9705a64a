import { type Duplex, duplexPair } from 'node:stream';
import mqtt from 'mqtt-packet';
import { expect, test } from 'vitest';
import { unguarded } from '../../../agent/system/guard.ts';
import { createMqttSession } from '../../../agent/system/mqtt-session.ts';
import { settled } from '../../support/stepped-clock.ts';

const MQTT_5 = { protocolVersion: 5 } as const;
const HUB = { clientId: 'hub-1', keepAliveSeconds: 30 };

/** A session, and the server's end of its connection. */
function open() {
  const [own, server] = duplexPair();
  // As a socket does that does not stay half open.
  own.once('end', () => own.end());
  const received: mqtt.Packet[] = [];
  const parser = mqtt.parser(MQTT_5);
  parser.on('packet', (packet) => received.push(packet));
  server.on('data', (bytes) => parser.parse(bytes));
  server.on('error', () => {});
  const say = (packet: mqtt.Packet) => server.write(mqtt.generate(packet, MQTT_5));
  return { own, server: server as Duplex, received, say, session: createMqttSession(own, unguarded) };
}

async function connected() {
  const opened = open();
  const answer = opened.session.connect(HUB);
  opened.say({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
  expect(await answer).toEqual({ kind: 'done' });
  return opened;
}

test('what is sent is MQTT 5 with a clean start, QoS 1, and the will as given', async () => {
  const { session, received, say } = open();
  const will = { topic: 'a/b', payload: 'gone', retain: true };
  const connack = session.connect({ ...HUB, will });
  say({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
  await connack;
  void session.subscribe('hubs/+/x');
  void session.publish({ topic: 'a/b', payload: 'x'.repeat(300), retain: false });
  await settled();
  expect(received).toMatchObject([
    {
      cmd: 'connect',
      protocolVersion: 5,
      clientId: 'hub-1',
      keepalive: 30,
      clean: true,
      will: { ...will, payload: Buffer.from('gone'), qos: 1 },
    },
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hubs/+/x', qos: 1 }] },
    { cmd: 'publish', messageId: 2, qos: 1, retain: false, topic: 'a/b', payload: Buffer.from('x'.repeat(300)) },
  ]);
});

test('answers are read in whatever pieces they come; those to something else are passed over', async () => {
  const bytes = Buffer.concat(
    [
      { cmd: 'publish', topic: 't', payload: 'x'.repeat(400), qos: 0, retain: false, dup: false } as const,
      { cmd: 'puback', messageId: 1 } as const,
      { cmd: 'suback', messageId: 9, granted: [1] } as const,
      { cmd: 'suback', messageId: 1, granted: [0x87] } as const,
    ].map((packet) => mqtt.generate(packet as mqtt.Packet, MQTT_5)),
  );
  for (const size of [1, 3, bytes.length]) {
    const { session, server } = await connected();
    const answer = session.subscribe('t');
    for (let at = 0; at < bytes.length; at += size) server.write(bytes.subarray(at, at + size));
    expect(await answer).toEqual({ kind: 'refused', reason: 0x87 });
  }
});

test('a refused session, and a CONNACK that is too short', async () => {
  const refused = open();
  const answer = refused.session.connect(HUB);
  refused.say({ cmd: 'connack', reasonCode: 0x87, sessionPresent: false });
  expect(await answer).toEqual({ kind: 'refused', reason: 0x87 });
  const empty = open();
  const nothing = empty.session.connect(HUB);
  empty.server.write(Buffer.from([0x20, 0x01, 0x00]));
  expect(await nothing).toMatchObject({ kind: 'closed', error: expect.any(Error) });
});

test.each<[string, (server: Duplex) => void, object]>([
  ['a DISCONNECT', (server) => server.write(mqtt.generate({ cmd: 'disconnect', reasonCode: 0x8e }, MQTT_5)), { reason: 0x8e, error: null }],
  ['a close without a word', (server) => server.end(), { reason: null, error: null }],
  ['another protocol', (server) => server.write('HTTP/1.1 400 Bad Request\r\n\r\n'), { reason: null, error: expect.any(Error) }],
  ['a length that is none', (server) => server.write(Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff])), { error: expect.any(Error) }],
  ['a packet cut short', (server) => server.write(Buffer.from([0x40, 0x01, 0x00])), { error: expect.any(Error) }],
])('%s ends what waits and all that follows', async (_what, end, expected) => {
  const { session, server, own } = await connected();
  const answer = session.publish({ topic: 't', payload: '', retain: false });
  end(server);
  expect(await answer).toMatchObject({ kind: 'closed', ...expected });
  expect(await session.subscribe('t')).toEqual(session.closed());
  await session.end(0);
  expect(own.destroyed).toBe(true);
});

test('an endless packet is not kept', async () => {
  const { session, server, own } = await connected();
  const answer = session.publish({ topic: 't', payload: '', retain: false });
  // A PUBLISH of 256 MB.
  server.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
  let sent = 0;
  while (!own.destroyed && sent < 2 ** 20) {
    server.write(Buffer.alloc(65_536));
    sent += 65_536;
    await settled();
  }
  expect(await answer).toMatchObject({ kind: 'closed', error: expect.any(Error) });
  expect(sent).toBeLessThanOrEqual(2 ** 18 + 2 * 65_536);
});

test('a session that was lost before it was made, and one that ends', async () => {
  const [own] = duplexPair();
  own.destroy();
  expect(await createMqttSession(own, unguarded).connect(HUB)).toMatchObject({ kind: 'closed', reason: null, error: null });
  const { session, received, own: mine } = await connected();
  await session.end(0x04);
  await settled();
  expect(received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x04 });
  expect(mine.destroyed).toBe(true);
});
