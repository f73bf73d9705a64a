import type { IPublishPacket } from 'mqtt-packet';
import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';
import { MAX_STORED_MESSAGES } from './limits.ts';
import type { Delivery } from './message.ts';
import { createRateLimit, type RateLimit } from './rate.ts';
import type { IotCoreLimits } from './types.ts';

const MAX_PACKET_ID = 65_535;

export interface Subscription {
  /** The filter as subscribed, `$share/…` included. */
  filter: string;
  /** What a topic is matched with. */
  match: string;
  shareGroup: string | null;
  qos: 0 | 1;
  noLocal: boolean;
  retainAsPublished: boolean;
}

/** The way to the client while it is connected. */
export interface Link {
  /** QoS 1 messages that may be unacknowledged at a time. */
  window: number;
  /** False when the client does not take a packet of this size: the message is then dropped (MQTT 5, 3.1.2.11.4). */
  send(packet: IPublishPacket): boolean;
}

/** What the broker keeps for a client id: subscriptions and QoS 1 messages it has not acknowledged. */
export interface Session {
  readonly clientId: string;
  readonly subscriptions: Map<string, Subscription>;
  /** How long it outlives its connection; 0: not at all. */
  expirySeconds: number;
  readonly online: boolean;
  /** Connects it and starts the redelivery of what was stored. */
  attach(link: Link): void;
  detach(): void;
  deliver(delivery: Delivery): void;
  /** The client's PUBACK. */
  acknowledge(packetId: number): void;
}

interface Stored extends Delivery {
  /** Set once it was sent: a redelivery has the same id (MQTT 5, 4.4). */
  packetId: number | null;
}

export function createSession(clientId: string, clock: MonotonicClock, limits: IotCoreLimits): Session {
  const subscriptions = new Map<string, Subscription>();
  const inflight = new Map<number, Stored>();
  let backlog: Stored[] = [];
  let pending: Stored[] = [];
  let lastPacketId = 0;
  let link: Link | null = null;
  let rate: RateLimit = createRateLimit(limits.publishesPerSecond, clock.nowMs);
  let cancelDrain: Cancel = () => {};
  let cancelPump: Cancel = () => {};

  function freePacketId(): number {
    const used = (id: number) => inflight.has(id) || backlog.some((stored) => stored.packetId === id);
    do lastPacketId = (lastPacketId % MAX_PACKET_ID) + 1;
    while (used(lastPacketId));
    return lastPacketId;
  }

  function publishPacket(delivery: Delivery, packetId: number | null, dup: boolean): IPublishPacket | null {
    const { message, qos, retain } = delivery;
    const remainingMs = message.expiresAtMs === null ? null : message.expiresAtMs - clock.nowMs();
    if (remainingMs !== null && remainingMs <= 0) return null;
    const expiry = remainingMs === null ? {} : { messageExpiryInterval: Math.ceil(remainingMs / 1000) };
    const { topic, payload } = message;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain, dup, properties: { ...message.properties, ...expiry } };
    if (packetId !== null) packet.messageId = packetId;
    return packet;
  }

  /** Sends what is pending as far as the client's window and the rate allow. */
  function pump(): void {
    cancelPump();
    while (link && pending.length > 0 && inflight.size < link.window) {
      const waitMs = rate.waitMs();
      if (waitMs > 0) {
        cancelPump = clock.schedule(waitMs, pump);
        return;
      }
      const stored = pending.shift()!;
      const dup = stored.packetId !== null;
      const packetId = stored.packetId ?? freePacketId();
      const packet = publishPacket(stored, packetId, dup);
      if (!packet) continue;
      rate.tryTake();
      inflight.set(packetId, { ...stored, packetId });
      if (!link.send(packet)) inflight.delete(packetId);
    }
  }

  /** Stored messages come one by one at AWS's rate, beside the live ones. */
  function drain(): void {
    const stored = backlog.shift();
    if (!stored) return;
    pending.push(stored);
    pump();
    cancelDrain = clock.schedule(1000 / limits.drainMessagesPerSecond, drain);
  }

  return {
    clientId,
    subscriptions,
    expirySeconds: 0,
    get online() {
      return link !== null;
    },
    attach(newLink) {
      link = newLink;
      rate = createRateLimit(limits.publishesPerSecond, clock.nowMs);
      drain();
    },
    detach() {
      link = null;
      cancelDrain();
      cancelPump();
      backlog = [...inflight.values(), ...pending, ...backlog];
      pending = [];
      inflight.clear();
    },
    deliver(delivery) {
      const stored: Stored = { ...delivery, packetId: null };
      if (delivery.qos === 1) {
        const queue = link ? pending : backlog;
        if (queue.length < MAX_STORED_MESSAGES) queue.push(stored);
        if (link) pump();
        return;
      }
      const packet = publishPacket(delivery, null, false);
      if (packet && link && rate.tryTake()) link.send(packet);
    },
    acknowledge(packetId) {
      if (inflight.delete(packetId)) pump();
    },
  };
}
