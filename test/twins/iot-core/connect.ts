import type { IConnectPacket } from 'mqtt-packet';
import { UNLIMITED_SLASHES_PREFIX } from './limits.ts';
import { forwardedProperties } from './message.ts';
import { isAllowed } from './policy.ts';
import { REASON } from './reasons.ts';
import { isTopicName, slashes } from './topics.ts';
import type { IotCoreLimits } from './types.ts';
import type { Will } from './wills.ts';

/** What a CONNECT asks for, checked and cut to the broker's limits. */
export interface ConnectRequest {
  clientId: string;
  cleanStart: boolean;
  keepAliveSeconds: number;
  sessionExpirySeconds: number;
  /** QoS 1 messages the client takes unacknowledged. */
  receiveMaximum: number;
  /** Bytes; null: no limit. */
  maximumPacketSize: number | null;
  will: Will | null;
}

export type ConnectCheck = { ok: true; request: ConnectRequest } | { ok: false; code: number; text: string };

/** AWS takes a keepalive outside its range for the nearest one in it, and 0 for the longest. */
function clampKeepAlive(seconds: number, limits: IotCoreLimits): number {
  if (seconds === 0) return limits.maxKeepAliveSeconds;
  return Math.min(limits.maxKeepAliveSeconds, Math.max(limits.minKeepAliveSeconds, seconds));
}

/**
 * Checks all of a CONNECT but who sends it. `clientId` is the id in use (the assigned one if the packet has none);
 * `deniedPublishes` are topic prefixes refused on command.
 */
export function checkConnect(packet: IConnectPacket, clientId: string, limits: IotCoreLimits, deniedPublishes: string[]): ConnectCheck {
  const properties = packet.properties ?? {};
  const isVersion5 = packet.protocolVersion === 5;
  if (packet.protocolVersion === 3) return refuse(REASON.unsupportedVersion, 'MQTT 3.1 is not supported');
  if (properties.authenticationMethod !== undefined)
    return refuse(REASON.badAuthenticationMethod, 'enhanced authentication is not supported');
  const cleanStart = packet.clean ?? true;
  const asked = isVersion5 ? (properties.sessionExpiryInterval ?? 0) : cleanStart ? 0 : limits.maxSessionExpirySeconds;
  const request: ConnectRequest = {
    clientId,
    cleanStart,
    keepAliveSeconds: clampKeepAlive(packet.keepalive ?? 0, limits),
    sessionExpirySeconds: Math.min(asked, limits.maxSessionExpirySeconds),
    receiveMaximum: Math.min(properties.receiveMaximum ?? limits.maxInflightQos1, limits.maxInflightQos1),
    maximumPacketSize: properties.maximumPacketSize ?? null,
    will: null,
  };
  const { will } = packet;
  if (!will) return { ok: true, request };
  const { topic } = will;
  const payload = Buffer.from(will.payload);
  if (will.qos === 2) return refuse(REASON.qosNotSupported, 'will with QoS 2');
  const topicProblem = topicError(topic, limits);
  if (topicProblem) return refuse(REASON.topicNameInvalid, `will: ${topicProblem}`);
  if (payload.length > limits.maxPayloadBytes) return refuse(REASON.packetTooLarge, 'will payload too large');
  const denied = deniedPublishes.some((prefix) => topic.startsWith(prefix));
  if (denied || !isAllowed(clientId, 'publish', topic)) return refuse(REASON.notAuthorized, `no permission for will topic ${topic}`);
  request.will = {
    message: {
      topic,
      payload,
      qos: will.qos ?? 0,
      retain: will.retain ?? false,
      clientId,
      properties: forwardedProperties(will.properties),
    },
    delaySeconds: will.properties?.willDelayInterval ?? 0,
    expirySeconds: will.properties?.messageExpiryInterval ?? null,
  };
  return { ok: true, request };
}

/** Why a topic name cannot be published to; null: it can. */
export function topicError(topic: string, limits: IotCoreLimits): string | null {
  if (!isTopicName(topic)) return 'not a topic name';
  if (Buffer.byteLength(topic) > limits.maxTopicBytes) return `topic of more than ${limits.maxTopicBytes} bytes`;
  const unlimited = topic.startsWith(UNLIMITED_SLASHES_PREFIX);
  return !unlimited && slashes(topic) > limits.maxTopicSlashes ? `topic of more than ${limits.maxTopicSlashes} slashes` : null;
}

function refuse(code: number, text: string): ConnectCheck {
  return { ok: false, code, text };
}
