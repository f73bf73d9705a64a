import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import * as mqtt from 'mqtt-packet';

/** How long after a lost connection the next one is tried. */
const AGAIN_MS = 100;
const MQTT_5 = { protocolVersion: 5 } as const;

export interface WireClientOptions {
  port: number;
  clientId: string;
  /** Paths of PEM files. */
  caPath: string;
  certificatePath: string;
  privateKeyPath: string;
  filters: readonly string[];
  onMessage(topic: string, payload: Buffer): void;
  /** Subscribed, also after a connection was lost. */
  onReady(): void;
}

/** An MQTT client that is always there again, and nothing more: clean sessions, QoS 1 in, QoS 1 out, no queue. */
export interface WireClient {
  publish(topic: string, payload: string | Buffer, options?: { retain?: boolean }): void;
  stop(): void;
}

export function startWireClient(options: WireClientOptions): WireClient {
  const files = {
    ca: readFileSync(options.caPath),
    cert: readFileSync(options.certificatePath),
    key: readFileSync(options.privateKeyPath),
  };
  let socket: TLSSocket | null = null;
  let stopped = false;
  let packetId = 0;
  const nextId = () => {
    packetId = (packetId % 65_535) + 1;
    return packetId;
  };
  const send = (packet: mqtt.Packet) => void socket?.write(mqtt.generate(packet, MQTT_5));

  function open(): void {
    if (stopped) return;
    const own = connect({ host: '127.0.0.1', port: options.port, ...files }, () => {
      own.setNoDelay(true);
      send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: options.clientId, clean: true, keepalive: 0 });
    });
    socket = own;
    const parser = mqtt.parser(MQTT_5);
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connack' && packet.reasonCode === 0) {
        const subscriptions = options.filters.map((topic) => ({ topic, qos: 1 as const }));
        send({ cmd: 'subscribe', messageId: nextId(), subscriptions });
      }
      if (packet.cmd === 'suback') options.onReady();
      if (packet.cmd === 'publish') {
        if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 });
        options.onMessage(packet.topic, Buffer.from(packet.payload));
      }
    });
    own.on('data', (bytes) => void parser.parse(bytes));
    own.on('error', () => {});
    own.once('close', () => {
      if (socket === own) socket = null;
      setTimeout(open, AGAIN_MS);
    });
  }
  open();

  return {
    publish: (topic, payload, { retain = false } = {}) =>
      send({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain, messageId: nextId() }),
    stop() {
      stopped = true;
      socket?.destroy();
    },
  };
}
