import type { Duplex } from 'node:stream';
import { generate, type Packet, parser } from 'mqtt-packet';
import type { Guard } from './guard.ts';

/** How a request ended. `closed`: the connection is over; AWS IoT ends it without a DISCONNECT where the policy forbids something. */
export type MqttAnswer = { kind: 'done' } | { kind: 'refused'; reason: number } | MqttClosed;

export interface MqttClosed {
  kind: 'closed';
  /** Of the server's DISCONNECT; null: it sent none. */
  reason: number | null;
  /** Of the connection, or of what came over it and is no MQTT. */
  error: NodeJS.ErrnoException | null;
}

export interface MqttMessage {
  topic: string;
  payload: string;
  retain: boolean;
}

/**
 * One MQTT 5 session (OASIS MQTT 5.0) with a clean start, one request at a time. No request rejects, and none ends by time: the caller bounds
 * the wait. A request that is made before the last one was answered takes its place.
 */
export interface MqttSession {
  /** CONNECT; the will is published with QoS 1. */
  connect(options: { clientId: string; keepAliveSeconds: number; will?: MqttMessage }): Promise<MqttAnswer>;
  /** SUBSCRIBE with QoS 1. What is published on the topic is not handed on. */
  subscribe(filter: string): Promise<MqttAnswer>;
  /** PUBLISH with QoS 1. */
  publish(message: MqttMessage): Promise<MqttAnswer>;
  /** How the connection ended; null: it stands. */
  closed(): MqttClosed | null;
  /** Sends DISCONNECT with this reason and closes. Resolves when the connection is closed. */
  end(reasonCode: number): Promise<void>;
}

const MQTT_5 = { protocolVersion: 5 } as const;
/** No answer to one of these requests is longer. */
const MAX_PACKET_BYTES = 256 * 1024;
/** From here on a reason code is a failure (section 2.4). */
const FAILURE = 0x80;
/** Flags and reason code of a CONNACK (section 3.2), packet id of a SUBACK or PUBACK (sections 3.9 and 3.4): the library accepts less. */
const MIN_ANSWER_BYTES = 2;

/** What a packet answers: the kind of request, its id, and how; null: no request. @throws Error when it is cut short */
function answerOf(packet: Packet): { to: string; reason: number } | null {
  const { messageId, length = 0 } = packet;
  if (packet.cmd !== 'connack' && packet.cmd !== 'puback' && packet.cmd !== 'suback') return null;
  if (length < MIN_ANSWER_BYTES) throw new Error(`the server sends a ${packet.cmd} that is too short`);
  if (packet.cmd === 'connack') return { to: 'connect', reason: packet.reasonCode ?? FAILURE };
  if (packet.cmd === 'puback') return { to: `publish ${messageId}`, reason: packet.reasonCode ?? 0 };
  return { to: `subscribe ${messageId}`, reason: Number(packet.granted.at(-1) ?? FAILURE) };
}

/** A session on a connection whose TLS handshake is done before the first request. The session listens to the connection's errors. */
export function createMqttSession(socket: Duplex, guard: Guard): MqttSession {
  const packets = parser(MQTT_5);
  let waiting: { request: string; settle(answer: MqttAnswer): void } | null = null;
  let over: MqttClosed | null = null;
  let broken = socket.errored as NodeJS.ErrnoException | null;
  let lastId = 0;

  function onEnd(reason: number | null): void {
    over ??= { kind: 'closed', reason, error: broken };
    settle(over);
  }
  function settle(answer: MqttAnswer): void {
    waiting?.settle(answer);
    waiting = null;
  }
  function fail(error: Error): void {
    broken ??= error;
    socket.destroy();
  }

  // The parser calls its listeners within `parse`.
  packets.on('error', fail);
  packets.on('packet', (packet) => {
    if (packet.cmd === 'disconnect') return onEnd(packet.reasonCode ?? 0);
    const answer = answerOf(packet);
    if (answer?.to === waiting?.request && answer) {
      settle(answer.reason >= FAILURE ? { kind: 'refused', reason: answer.reason } : { kind: 'done' });
    }
  });
  const onData = guard('MQTT session', (bytes: Buffer) => {
    if (broken) return;
    try {
      if (packets.parse(bytes) > MAX_PACKET_BYTES) fail(new Error('the server sends a packet that is too long'));
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('data', onData);
  // In TLS 1.3 the server's no to a client certificate comes only after the handshake; from far away, even after CONNECT.
  const onError = guard('MQTT session', (error: Error) => {
    broken ??= error;
  });
  socket.on('error', onError);
  const onClose = guard('MQTT session', () => onEnd(null));
  socket.once('close', onClose);
  // It may have been over before the session was made.
  if (socket.destroyed) onEnd(null);

  function ask(request: string, packet: Packet): Promise<MqttAnswer> {
    if (over) return Promise.resolve(over);
    return new Promise((resolve) => {
      waiting = { request, settle: resolve };
      socket.write(generate(packet, MQTT_5));
    });
  }

  return {
    connect({ clientId, keepAliveSeconds: keepalive, will }) {
      const last = will && { ...will, payload: Buffer.from(will.payload), qos: 1 as const };
      const own = { clientId, keepalive, clean: true, ...(last && { will: last }) };
      return ask('connect', { cmd: 'connect', protocolId: 'MQTT', ...MQTT_5, ...own });
    },
    subscribe(topic) {
      lastId += 1;
      return ask(`subscribe ${lastId}`, { cmd: 'subscribe', messageId: lastId, subscriptions: [{ topic, qos: 1 }] });
    },
    publish(message) {
      lastId += 1;
      return ask(`publish ${lastId}`, { cmd: 'publish', messageId: lastId, qos: 1, dup: false, ...message });
    },
    closed: () => over,
    end(reasonCode) {
      if (over) socket.destroy();
      else socket.end(generate({ cmd: 'disconnect', reasonCode }, MQTT_5), () => socket.destroy());
      return new Promise((resolve) => {
        if (socket.closed) resolve();
        else socket.once('close', () => resolve());
      });
    },
  };
}
