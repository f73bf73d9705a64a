import type { ISubscribePacket } from 'mqtt-packet';
import type { FaultState } from './fault-state.ts';
import { UNLIMITED_SLASHES_PREFIX } from './limits.ts';
import { isAllowed } from './policy.ts';
import { REASON } from './reasons.ts';
import type { Session, Subscription } from './session.ts';
import { isTopicFilter, parseSharedFilter, slashes } from './topics.ts';
import type { IotCoreLimits } from './types.ts';

/** A refusal ends the connection; `limit` tells that a quota was the reason. */
export type SubscribeCheck = { ok: true; subscriptions: Subscription[] } | { ok: false; code: number; text: string; limit: boolean };

type Faults = Pick<FaultState, 'deniedSubscribes' | 'commandsFeatureMissing'>;

/** Checks a SUBSCRIBE against form, quotas and policy. */
export function checkSubscribe(packet: ISubscribePacket, session: Session, limits: IotCoreLimits, faults: Faults): SubscribeCheck {
  if (packet.properties?.subscriptionIdentifier !== undefined) {
    return refuse(REASON.subscriptionIdsNotSupported, 'subscription identifiers are not supported');
  }
  if (packet.subscriptions.length > limits.maxFiltersPerSubscribe) {
    return refuse(REASON.quotaExceeded, `more than ${limits.maxFiltersPerSubscribe} filters in a SUBSCRIBE`, true);
  }
  const filters = new Set([...session.subscriptions.keys(), ...packet.subscriptions.map(({ topic }) => topic)]);
  if (filters.size > limits.maxSubscriptions)
    return refuse(REASON.quotaExceeded, `more than ${limits.maxSubscriptions} subscriptions`, true);
  const subscriptions: Subscription[] = [];
  for (const { topic: filter, qos, nl = false, rap = false } of packet.subscriptions) {
    const shared = parseSharedFilter(filter);
    if (!shared || !isTopicFilter(shared.filter)) return refuse(REASON.topicFilterInvalid, `not a topic filter: ${filter}`);
    if (Buffer.byteLength(filter) > limits.maxTopicBytes) {
      return refuse(REASON.topicFilterInvalid, `filter of more than ${limits.maxTopicBytes} bytes`, true);
    }
    const unlimited = shared.filter.startsWith(UNLIMITED_SLASHES_PREFIX);
    if (!unlimited && slashes(shared.filter) > limits.maxTopicSlashes) {
      return refuse(REASON.topicFilterInvalid, `filter of more than ${limits.maxTopicSlashes} slashes`, true);
    }
    if (qos === 2) return refuse(REASON.qosNotSupported, 'subscription with QoS 2');
    // The option is a protocol error on a shared subscription (MQTT 5, 3.8.3.1).
    if (nl && shared.group !== null) return refuse(REASON.protocolError, 'no local on a shared subscription');
    const denied = faults.deniedSubscribes.some((prefix) => shared.filter.startsWith(prefix));
    const missing = faults.commandsFeatureMissing && shared.filter.startsWith('$aws/commands/');
    if (denied || missing || !isAllowed(session.clientId, 'subscribe', shared.filter)) {
      return refuse(REASON.notAuthorized, `no permission to subscribe to ${filter}`);
    }
    subscriptions.push({ filter, match: shared.filter, shareGroup: shared.group, qos, noLocal: nl, retainAsPublished: rap });
  }
  return { ok: true, subscriptions };
}

function refuse(code: number, text: string, limit = false): SubscribeCheck {
  return { ok: false, code, text, limit };
}
