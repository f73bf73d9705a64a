import type { Message } from './message.ts';
import type { Session, Subscription } from './session.ts';
import { matches } from './topics.ts';
import type { BrokerMessage } from './types.ts';

/** Carries messages from whoever publishes to sessions and to the cloud's own rules, and keeps the retained ones. */
export interface Router {
  publish(message: Message): void;
  /** Sends the retained messages that match a new subscription. */
  replayRetained(session: Session, subscription: Subscription): void;
  retained(topic: string): Buffer | null;
  /** A rule of the cloud; returns its end. */
  tap(filter: string, handler: (message: BrokerMessage) => void): () => void;
}

interface Tap {
  filter: string;
  handler: (message: BrokerMessage) => void;
}

export function createRouter(sessions: ReadonlyMap<string, Session>, nowMs: () => number): Router {
  const retainedMessages = new Map<string, Message>();
  const taps = new Set<Tap>();
  const turns = new Map<string, number>();

  /** Each session gets a message once, however many of its filters match, at the highest QoS of them (MQTT 5, 3.3.4). */
  function deliverTo(session: Session, message: Message, matching: Subscription[]): void {
    const wanted = matching.filter((subscription) => !(subscription.noLocal && message.clientId === session.clientId));
    if (wanted.length === 0) return;
    const qos = Math.min(message.qos, Math.max(...wanted.map((subscription) => subscription.qos))) as 0 | 1;
    session.deliver({ message, qos, retain: message.retain && wanted.some((subscription) => subscription.retainAsPublished) });
  }

  /** Of a shared subscription one member gets the message: connected ones in turn, else any. */
  function deliverShared(filter: string, members: { session: Session; subscription: Subscription }[], message: Message): void {
    const online = members.filter(({ session }) => session.online);
    const candidates = online.length > 0 ? online : members;
    const turn = turns.get(filter) ?? 0;
    turns.set(filter, turn + 1);
    const { session, subscription } = candidates[turn % candidates.length]!;
    deliverTo(session, message, [subscription]);
  }

  return {
    publish(message) {
      if (message.retain && !message.topic.startsWith('$aws/')) {
        if (message.payload.length === 0) retainedMessages.delete(message.topic);
        else retainedMessages.set(message.topic, message);
      }
      const shared = new Map<string, { session: Session; subscription: Subscription }[]>();
      for (const session of [...sessions.values()]) {
        const matching = [...session.subscriptions.values()].filter(({ match }) => matches(match, message.topic));
        for (const subscription of matching.filter(({ shareGroup }) => shareGroup !== null)) {
          shared.set(subscription.filter, [...(shared.get(subscription.filter) ?? []), { session, subscription }]);
        }
        const own = matching.filter(({ shareGroup }) => shareGroup === null);
        deliverTo(session, message, own);
      }
      for (const [filter, members] of shared) deliverShared(filter, members, message);
      const { topic, payload, qos, retain, clientId } = message;
      for (const tap of [...taps]) if (matches(tap.filter, topic)) tap.handler({ topic, payload, qos, retain, clientId });
    },
    replayRetained(session, subscription) {
      if (subscription.shareGroup !== null) return;
      for (const message of retainedMessages.values()) {
        if (!matches(subscription.match, message.topic)) continue;
        if (message.expiresAtMs !== null && message.expiresAtMs <= nowMs()) continue;
        session.deliver({ message, qos: Math.min(message.qos, subscription.qos) as 0 | 1, retain: true });
      }
    },
    retained: (topic) => retainedMessages.get(topic)?.payload ?? null,
    tap(filter, handler) {
      const tap = { filter, handler };
      taps.add(tap);
      return () => taps.delete(tap);
    },
  };
}
