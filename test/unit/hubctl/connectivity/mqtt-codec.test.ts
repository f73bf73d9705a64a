import mqtt from 'mqtt-packet';
import { expect, test } from 'vitest';
import {
  connectPacket,
  createPacketReader,
  disconnectPacket,
  PACKET,
  publishPacket,
  subscribePacket,
} from '../../../../agent/hubctl/connectivity/mqtt-codec.ts';

function parse(bytes: Buffer): mqtt.Packet[] {
  const parser = mqtt.parser({ protocolVersion: 5 });
  const packets: mqtt.Packet[] = [];
  parser.on('packet', (packet) => packets.push(packet));
  parser.parse(bytes);
  return packets;
}

test('what is written is MQTT 5', () => {
  expect(parse(connectPacket('hub-1', 30))).toMatchObject([
    { cmd: 'connect', protocolVersion: 5, clientId: 'hub-1', keepalive: 30, clean: true },
  ]);
  expect(parse(connectPacket('hub-1', 30, { topic: 'a/b', payload: 'gone' }))).toMatchObject([
    { cmd: 'connect', clientId: 'hub-1', will: { topic: 'a/b', payload: Buffer.from('gone'), qos: 1, retain: false } },
  ]);
  expect(parse(subscribePacket(7, 'hubs/+/x'))).toMatchObject([
    { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'hubs/+/x', qos: 1 }] },
  ]);
  const payload = 'x'.repeat(300);
  expect(parse(publishPacket(8, 'a/b', payload))).toMatchObject([{ cmd: 'publish', qos: 1, retain: false, messageId: 8, topic: 'a/b' }]);
  expect(String((parse(publishPacket(8, 'a/b', payload))[0] as mqtt.IPublishPacket).payload)).toBe(payload);
  expect(parse(disconnectPacket())).toMatchObject([{ cmd: 'disconnect' }]);
});

test('answers are read, in whatever pieces they come', () => {
  const answers = Buffer.concat([
    mqtt.generate({ cmd: 'connack', reasonCode: 0x87, sessionPresent: false, properties: { reasonString: 'no' } }, { protocolVersion: 5 }),
    mqtt.generate({ cmd: 'publish', topic: 't', payload: 'x'.repeat(400), qos: 0, retain: false, dup: false }, { protocolVersion: 5 }),
    mqtt.generate({ cmd: 'suback', messageId: 3, granted: [0x87] }, { protocolVersion: 5 }),
    mqtt.generate({ cmd: 'puback', messageId: 4 }, { protocolVersion: 5 }),
    mqtt.generate({ cmd: 'disconnect', reasonCode: 0x8e }, { protocolVersion: 5 }),
  ]);
  const expected = [
    { type: PACKET.connack, packetId: null, reason: 0x87 },
    { type: PACKET.suback, packetId: 3, reason: 0x87 },
    { type: PACKET.puback, packetId: 4, reason: 0 },
    { type: PACKET.disconnect, packetId: null, reason: 0x8e },
  ];
  for (const size of [1, 3, answers.length]) {
    const read = createPacketReader();
    const packets = [];
    for (let at = 0; at < answers.length; at += size) packets.push(...read(answers.subarray(at, at + size)));
    expect(packets).toEqual(expected);
  }
});

test('something else is not taken for MQTT', () => {
  expect(() => createPacketReader()(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))).not.toThrow();
  expect(() => createPacketReader()(Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff]))).toThrow();
});
