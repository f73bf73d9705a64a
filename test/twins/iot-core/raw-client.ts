import { once } from 'node:events';
import * as tls from 'node:tls';
import * as mqtt from 'mqtt-packet';
import type { Credentials } from '../pki/types.ts';
import { ALPN_MQTT } from './listener.ts';

/** For a test that would hang: the packet that a test expects ends the wait, however busy the machine is. */
const PACKET_TIMEOUT_MS = 240_000;

type PacketOf<C extends mqtt.PacketCmd> = Extract<mqtt.Packet, { cmd: C }>;

export interface RawClientOptions {
  host: string;
  port: number;
  caCertificate: string;
  credentials: Credentials;
  protocolVersion?: 4 | 5;
  /** Default: AWS's name. Null offers none. */
  alpn?: string | null;
  /** Answers QoS 1 publishes by itself. Default: true. */
  acknowledges?: boolean;
}

/** An MQTT client that sends exactly the packets it is told to, to test a broker with. */
export interface RawClient {
  /** Everything received so far, in order. */
  readonly received: readonly mqtt.Packet[];
  /** Topics and payloads of the publishes received so far. */
  publishes(): { topic: string; payload: string; qos: number; retain: boolean; dup: boolean }[];
  send(packet: mqtt.Packet): void;
  /** The first packet of this kind that fits and was not returned before; waits for it. */
  next<C extends mqtt.PacketCmd>(cmd: C, fits?: (packet: PacketOf<C>) => boolean): Promise<PacketOf<C>>;
  connect(packet: Partial<mqtt.IConnectPacket> & { clientId: string }): Promise<mqtt.IConnackPacket>;
  subscribe(filters: string[] | Partial<mqtt.ISubscription>[], qos?: 0 | 1): Promise<mqtt.ISubackPacket>;
  /** Publishes with QoS 1 and returns the PUBACK. */
  publish(topic: string, payload: string | object, options?: Partial<mqtt.IPublishPacket>): Promise<mqtt.IPubackPacket>;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** Says goodbye and closes. */
  disconnect(reasonCode?: number): Promise<void>;
  /** Closes without a word. */
  destroy(): void;
}

/** Opens the TLS connection; no packet is sent yet. Rejects when the handshake fails. */
export async function openRawClient(options: RawClientOptions): Promise<RawClient> {
  const protocolVersion = options.protocolVersion ?? 5;
  const { host, port, caCertificate: ca, credentials, alpn = ALPN_MQTT, acknowledges = true } = options;
  const { certificate: cert, privateKey: key } = credentials;
  const socket = tls.connect({ host, port, ca, cert, key, ...(alpn === null ? {} : { ALPNProtocols: [alpn] }) });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  const parser = mqtt.parser({ protocolVersion });
  const received: mqtt.Packet[] = [];
  const unread: mqtt.Packet[] = [];
  const waiters = new Set<() => void>();
  const notify = () => {
    for (const waiter of [...waiters]) waiter();
  };
  let nextPacketId = 0;

  const send = (packet: mqtt.Packet) => void socket.write(mqtt.generate(packet, { protocolVersion }));
  parser.on('packet', (packet) => {
    received.push(packet);
    unread.push(packet);
    if (acknowledges && packet.cmd === 'publish' && packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 });
    notify();
  });
  socket.on('data', (bytes) => void parser.parse(bytes));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
      notify();
    });
  });

  function next<C extends mqtt.PacketCmd>(cmd: C, fits: (packet: PacketOf<C>) => boolean = () => true): Promise<PacketOf<C>> {
    return new Promise((resolve, reject) => {
      const finish = (error: Error | null, packet?: PacketOf<C>) => {
        clearTimeout(timer);
        waiters.delete(look);
        if (packet) resolve(packet);
        else reject(error);
      };
      const look = () => {
        const index = unread.findIndex((packet) => packet.cmd === cmd && fits(packet as PacketOf<C>));
        if (index >= 0) finish(null, unread.splice(index, 1)[0] as PacketOf<C>);
        else if (socket.destroyed) finish(new Error(`the connection closed while waiting for ${cmd}`));
      };
      const timer = setTimeout(() => finish(new Error(`no ${cmd} within ${PACKET_TIMEOUT_MS} ms`)), PACKET_TIMEOUT_MS);
      waiters.add(look);
      look();
    });
  }

  const newPacketId = () => {
    nextPacketId += 1;
    return nextPacketId;
  };

  return {
    received,
    closed,
    send,
    next,
    publishes: () =>
      received
        .filter((packet): packet is mqtt.IPublishPacket => packet.cmd === 'publish')
        .map(({ topic, payload, qos, retain, dup }) => ({ topic, payload: payload.toString(), qos, retain, dup })),
    connect(packet) {
      send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion, clean: true, keepalive: 30, ...packet });
      return next('connack');
    },
    subscribe(filters, qos = 1) {
      const messageId = newPacketId();
      const subscriptions = filters.map((filter) =>
        typeof filter === 'string' ? { topic: filter, qos } : { topic: '', qos, ...filter },
      ) as mqtt.ISubscription[];
      send({ cmd: 'subscribe', messageId, subscriptions });
      return next('suback', (packet) => packet.messageId === messageId);
    },
    publish(topic, payload, rest = {}) {
      const messageId = newPacketId();
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
      send({ cmd: 'publish', topic, payload: text, qos: 1, dup: false, retain: false, messageId, ...rest });
      return next('puback', (packet) => packet.messageId === messageId);
    },
    async disconnect(reasonCode = 0) {
      send({ cmd: 'disconnect', reasonCode });
      socket.end();
      await closed;
    },
    destroy: () => void socket.destroy(),
  };
}
