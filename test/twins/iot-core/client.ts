import type { IDisconnectPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import type { MonotonicClock } from '../../../agent/system/clock.ts';
import type { ConnectRequest } from './connect.ts';
import { topicError } from './connect.ts';
import type { Connection } from './connection.ts';
import { type FaultState, takePubackCopies, takesPuback } from './fault-state.ts';
import { expiryOf, forwardedProperties, type Message } from './message.ts';
import { isAllowed } from './policy.ts';
import { createRateLimit } from './rate.ts';
import { DISCONNECT_WITH_WILL, type Ending, REASON } from './reasons.ts';
import type { Router } from './router.ts';
import type { Session } from './session.ts';
import { checkSubscribe } from './subscribe.ts';
import type { IotCoreLimits } from './types.ts';

export interface ClientDeps {
  connection: Connection;
  session: Session;
  request: ConnectRequest;
  router: Router;
  limits: IotCoreLimits;
  clock: MonotonicClock;
  faults: FaultState;
  /** A message the client may publish, for subscribers and for AWS's own services. */
  onPublish(message: Message): void;
  /** Ends the connection; `withWill` is false only for a goodbye that asks for none. */
  end(ending: Ending, withWill: boolean): void;
  /** A limit was broken; `end` may follow. */
  onLimit(text: string): void;
}

/** Why a packet ends the connection; `limit` tells that a quota was broken. */
interface Failure {
  code: number;
  text: string;
  limit?: boolean;
}

/** The broker's side of one accepted connection: every packet after the CONNECT. */
export function createClient(deps: ClientDeps): { handle(packet: Packet): void } {
  const { connection, session, limits } = deps;
  const publishRate = createRateLimit(limits.publishesPerSecond, deps.clock.nowMs);
  const aliases = new Map<number, string>();
  const unacknowledged = new Set<number>();

  function fail({ code, text, limit = false }: Failure): void {
    if (limit) deps.onLimit(text);
    deps.end({ reason: code === REASON.notAuthorized ? 'AUTH_ERROR' : 'CLIENT_ERROR', code, text }, true);
  }

  /** The topic a PUBLISH means, by name or alias (MQTT 5, 3.3.2.3.4); null when the alias is out of range or unknown. */
  function topicOf(packet: IPublishPacket): string | null {
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) return packet.topic;
    const topic = packet.topic === '' ? aliases.get(alias) : packet.topic;
    if (alias < 1 || alias > limits.maxTopicAliases || topic === undefined) return null;
    aliases.set(alias, topic);
    return topic;
  }

  /** Why a PUBLISH ends the connection, or its topic. */
  function checkPublish(packet: IPublishPacket): Failure | string {
    if (packet.qos === 2) return { code: REASON.qosNotSupported, text: 'publish with QoS 2' };
    if (packet.qos === 1) unacknowledged.add(packet.messageId!);
    if (unacknowledged.size > limits.maxInflightQos1) {
      return { code: REASON.receiveMaximumExceeded, text: `more than ${limits.maxInflightQos1} publishes in flight`, limit: true };
    }
    const topic = topicOf(packet);
    if (topic === null) return { code: REASON.topicAliasInvalid, text: `topic alias ${packet.properties?.topicAlias}`, limit: true };
    const problem = topicError(topic, limits);
    if (problem) return { code: REASON.topicNameInvalid, text: problem, limit: true };
    const { length } = packet.payload;
    if (length > limits.maxPayloadBytes) return { code: REASON.packetTooLarge, text: `payload of ${length} bytes`, limit: true };
    const denied = deps.faults.deniedPublishes.some((prefix) => topic.startsWith(prefix));
    if (!denied && isAllowed(session.clientId, 'publish', topic)) return topic;
    return { code: REASON.notAuthorized, text: `no permission to publish to ${topic}` };
  }

  function acknowledge(packet: IPublishPacket, reasonCode: number): void {
    if (packet.qos !== 1) return;
    unacknowledged.delete(packet.messageId!);
    const copies = takePubackCopies(deps.faults);
    for (let copy = 0; copy < copies; copy++) connection.send({ cmd: 'puback', messageId: packet.messageId!, reasonCode });
  }

  function publish(packet: IPublishPacket): void {
    const topic = checkPublish(packet);
    if (typeof topic !== 'string') {
      fail(topic);
    } else if (!publishRate.tryTake()) {
      deps.onLimit(`more than ${limits.publishesPerSecond} publishes a second`);
      // AWS discards the publish; only MQTT 5 has a word for it.
      if (connection.protocolVersion === 5) acknowledge(packet, REASON.quotaExceeded);
    } else {
      const { retain, properties } = packet;
      const qos = packet.qos as 0 | 1;
      const expiresAtMs = expiryOf(properties, deps.clock.nowMs());
      if (qos === 0 || !takesPuback(deps.faults, topic)) acknowledge(packet, REASON.success);
      const payload = Buffer.from(packet.payload);
      deps.onPublish({ topic, payload, qos, retain, clientId: session.clientId, properties: forwardedProperties(properties), expiresAtMs });
    }
  }

  function subscribe(packet: ISubscribePacket): void {
    const check = checkSubscribe(packet, session, limits, deps.faults);
    if (!check.ok) {
      fail(check);
      return;
    }
    const isNew = check.subscriptions.map(({ filter }) => !session.subscriptions.has(filter));
    for (const subscription of check.subscriptions) session.subscriptions.set(subscription.filter, subscription);
    connection.send({ cmd: 'suback', messageId: packet.messageId!, granted: check.subscriptions.map(({ qos }) => qos) });
    for (const [index, subscription] of check.subscriptions.entries()) {
      const handling = packet.subscriptions[index]!.rh ?? 0;
      if (handling === 0 || (handling === 1 && isNew[index])) deps.router.replayRetained(session, subscription);
    }
  }

  function unsubscribe(packet: IUnsubscribePacket): void {
    const granted = packet.unsubscriptions.map((filter) =>
      session.subscriptions.delete(filter) ? REASON.success : REASON.noSubscriptionExisted,
    );
    connection.send({ cmd: 'unsuback', messageId: packet.messageId!, granted });
  }

  function disconnect(packet: IDisconnectPacket): void {
    const expiry = packet.properties?.sessionExpiryInterval;
    if (expiry !== undefined) {
      // A session that was to end with its connection cannot be made to last (MQTT 5, 3.14.2.2.2).
      if (expiry > 0 && session.expirySeconds === 0) {
        fail({ code: REASON.protocolError, text: 'session expiry raised from 0' });
        return;
      }
      session.expirySeconds = Math.min(expiry, limits.maxSessionExpirySeconds);
    }
    const code = packet.reasonCode ?? 0;
    const withWill = code === DISCONNECT_WITH_WILL || code >= REASON.unspecified;
    deps.end({ reason: 'CLIENT_INITIATED_DISCONNECT', code: null, text: 'goodbye of the client' }, withWill);
  }

  return {
    handle(packet) {
      const { cmd, length = 0 } = packet;
      if (length > limits.maxPacketBytes) fail({ code: REASON.packetTooLarge, text: `packet of ${length} bytes`, limit: true });
      else if (cmd === 'publish') publish(packet);
      else if (cmd === 'subscribe') subscribe(packet);
      else if (cmd === 'unsubscribe') unsubscribe(packet);
      else if (cmd === 'puback') session.acknowledge(packet.messageId!);
      else if (cmd === 'disconnect') disconnect(packet);
      else if (cmd === 'pingreq') connection.send({ cmd: 'pingresp' });
      else fail({ code: REASON.protocolError, text: `unexpected ${cmd}` });
    },
  };
}
