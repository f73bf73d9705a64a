import type { TLSSocket } from 'node:tls';
import type { MonotonicClock } from '../../system/clock.ts';
import {
  connectPacket,
  createPacketReader,
  disconnectPacket,
  PACKET,
  publishPacket,
  type ServerPacket,
  subscribePacket,
  type Will,
} from './mqtt-codec.ts';

/** How an operation ended. `closed`: the server ended the connection, as AWS IoT does with what the policy forbids. */
export type MqttAnswer =
  | { kind: 'done'; ms: number }
  | { kind: 'refused'; reason: number }
  | { kind: 'closed'; reason: number | null; error: NodeJS.ErrnoException | null }
  | { kind: 'timeout' };

/** One MQTT session for a look: nothing of it is stored. */
export interface MqttProbe {
  connect(clientId: string, will?: Will): Promise<MqttAnswer>;
  subscribe(filter: string): Promise<MqttAnswer>;
  publish(topic: string, payload: string): Promise<MqttAnswer>;
  /** Another client came with our client id and has the session now; seen also between two operations. */
  isTakenOver(): boolean;
  /** Says goodbye and closes. */
  end(): void;
}

const ANSWER_TIMEOUT_MS = 4_000;
/** AWS IoT's shortest. */
const KEEP_ALIVE_SECONDS = 30;
const FAILURE = 0x80;
/** DISCONNECT (MQTT 5, section 3.14.2.1). */
export const SESSION_TAKEN_OVER = 0x8e;

export function createMqttProbe(clock: MonotonicClock, socket: TLSSocket): MqttProbe {
  const read = createPacketReader();
  let waiting: { fits(packet: ServerPacket): boolean; settle(answer: MqttAnswer): void } | null = null;
  let closed: { reason: number | null; error: NodeJS.ErrnoException | null } | null = null;
  let broken: NodeJS.ErrnoException | null = null;
  let nextId = 1;

  function onEnd(reason: number | null): void {
    closed ??= { reason, error: broken };
    waiting?.settle({ kind: 'closed', ...closed });
  }

  socket.on('data', (bytes: Buffer) => {
    try {
      for (const packet of read(bytes)) {
        if (packet.type === PACKET.disconnect) onEnd(packet.reason);
        else if (waiting?.fits(packet))
          waiting.settle(packet.reason >= FAILURE ? { kind: 'refused', reason: packet.reason } : { kind: 'done', ms: 0 });
      }
    } catch {
      socket.destroy();
    }
  });
  // In TLS 1.3 the server's no to a client certificate comes only after the handshake; from far away, even after CONNECT.
  socket.on('error', (error) => {
    broken ??= error;
  });
  socket.once('close', () => onEnd(null));
  // It may have been over before anybody listened.
  broken = socket.errored as NodeJS.ErrnoException | null;
  if (socket.destroyed) onEnd(null);

  function ask(bytes: Buffer, fits: (packet: ServerPacket) => boolean): Promise<MqttAnswer> {
    if (closed) return Promise.resolve({ kind: 'closed', ...closed });
    return new Promise((resolve) => {
      const startMs = clock.nowMs();
      const cancel = clock.schedule(ANSWER_TIMEOUT_MS, () => settle({ kind: 'timeout' }));
      const settle = (answer: MqttAnswer) => {
        cancel();
        waiting = null;
        resolve(answer.kind === 'done' ? { kind: 'done', ms: Math.round((clock.nowMs() - startMs) * 10) / 10 } : answer);
      };
      waiting = { fits, settle };
      socket.write(bytes);
    });
  }

  return {
    connect: (clientId, will) => ask(connectPacket(clientId, KEEP_ALIVE_SECONDS, will), ({ type }) => type === PACKET.connack),
    subscribe(filter) {
      const id = nextId++;
      return ask(subscribePacket(id, filter), ({ type, packetId }) => type === PACKET.suback && packetId === id);
    },
    publish(topic, payload) {
      const id = nextId++;
      return ask(publishPacket(id, topic, payload), ({ type, packetId }) => type === PACKET.puback && packetId === id);
    },
    isTakenOver: () => closed?.reason === SESSION_TAKEN_OVER,
    end() {
      if (!closed) socket.end(disconnectPacket());
      socket.destroySoon();
    },
  };
}
