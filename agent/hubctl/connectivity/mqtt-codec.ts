/** The few MQTT 5 packets that a probe needs (OASIS MQTT 5.0, section 3). Pure functions. */

export const PACKET = { connack: 2, puback: 4, suback: 9, disconnect: 14 } as const;

/** A packet of the server: its type and its reason code; 0 is success, from 0x80 on a failure. */
export interface ServerPacket {
  type: number;
  /** Of SUBACK and PUBACK. */
  packetId: number | null;
  reason: number;
}

/** Nothing that a probe is answered is longer. */
const MAX_PACKET_BYTES = 256 * 1024;

function variableInteger(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return Buffer.from(out);
}

function text(value: string): Buffer {
  const body = Buffer.from(value, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([length, body]);
}

const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const NO_PROPERTIES = Buffer.from([0]);

function packet(type: number, flags: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(type << 4) | flags]), variableInteger(body.length), body]);
}

/** Published by the server when the link breaks: QoS 1, not retained. */
export interface Will {
  topic: string;
  payload: string;
}

/** Clean start, no stored session: a probe leaves nothing behind. */
export function connectPacket(clientId: string, keepAliveSeconds: number, will: Will | null = null): Buffer {
  const CLEAN_START = 0x02;
  const WILL_QOS_1 = 0x0c;
  const flags = CLEAN_START | (will ? WILL_QOS_1 : 0);
  const last = will ? [NO_PROPERTIES, text(will.topic), text(will.payload)] : [];
  return packet(1, 0, text('MQTT'), Buffer.from([5, flags]), uint16(keepAliveSeconds), NO_PROPERTIES, text(clientId), ...last);
}

export function subscribePacket(packetId: number, filter: string): Buffer {
  const QOS_1 = 0x01;
  return packet(8, 0x02, uint16(packetId), NO_PROPERTIES, text(filter), Buffer.from([QOS_1]));
}

/** QoS 1, not retained. */
export function publishPacket(packetId: number, topic: string, payload: string): Buffer {
  return packet(3, 0x02, text(topic), uint16(packetId), NO_PROPERTIES, Buffer.from(payload, 'utf8'));
}

export const disconnectPacket = (): Buffer => packet(14, 0);

/** Reads the server's packets from a stream; those of no interest (PUBLISH, PINGRESP) are skipped. @throws Error when it is no MQTT. */
export function createPacketReader(): (bytes: Buffer) => ServerPacket[] {
  let held: Buffer = Buffer.alloc(0);

  /** The next whole packet, or null when more bytes are needed. */
  function take(): { type: number; body: Buffer } | null {
    let length = 0;
    let at = 1;
    for (let shift = 0; ; shift += 7, at += 1) {
      const digit = held[at];
      if (digit === undefined) return null;
      length += (digit & 0x7f) * 2 ** shift;
      if ((digit & 0x80) === 0) break;
      if (shift === 21) throw new Error('the server does not speak MQTT');
    }
    if (length > MAX_PACKET_BYTES) throw new Error('the server sends a packet without measure');
    const end = at + 1 + length;
    if (held.length < end) return null;
    const found = { type: held[0]! >> 4, body: held.subarray(at + 1, end) };
    held = held.subarray(end);
    return found;
  }

  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    const packets: ServerPacket[] = [];
    for (let next = take(); next; next = take()) {
      const { type, body } = next;
      if (type === PACKET.connack) packets.push({ type, packetId: null, reason: body[1] ?? 0x80 });
      else if (type === PACKET.disconnect) packets.push({ type, packetId: null, reason: body[0] ?? 0 });
      else if (type === PACKET.puback) packets.push({ type, packetId: body.readUInt16BE(0), reason: body[2] ?? 0 });
      else if (type === PACKET.suback) packets.push({ type, packetId: body.readUInt16BE(0), reason: body.at(-1) ?? 0x80 });
    }
    return packets;
  };
}
