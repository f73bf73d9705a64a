import type { IPublishPacket } from 'mqtt-packet';
import type { BrokerMessage } from './types.ts';

/** Properties of a PUBLISH that a broker passes on unchanged (MQTT 5, 3.3.2.3). */
export type ForwardedProperties = Pick<
  NonNullable<IPublishPacket['properties']>,
  'payloadFormatIndicator' | 'contentType' | 'responseTopic' | 'correlationData' | 'userProperties'
>;

/** A message inside the broker. */
export interface Message extends BrokerMessage {
  properties: ForwardedProperties;
  /** Monotonic time at which it expires; null: never. */
  expiresAtMs: number | null;
}

/** A message on its way to one subscriber. */
export interface Delivery {
  message: Message;
  qos: 0 | 1;
  retain: boolean;
}

type PublishProperties = (ForwardedProperties & { messageExpiryInterval?: number }) | undefined;

const FORWARDED = ['payloadFormatIndicator', 'contentType', 'responseTopic', 'correlationData', 'userProperties'] as const;

export function forwardedProperties(properties: PublishProperties): ForwardedProperties {
  return Object.fromEntries(FORWARDED.filter((key) => properties?.[key] !== undefined).map((key) => [key, properties![key]]));
}

/** The monotonic time at which a message with these properties, received at `nowMs`, expires. */
export function expiryOf(properties: PublishProperties, nowMs: number): number | null {
  const seconds = properties?.messageExpiryInterval;
  return seconds === undefined ? null : nowMs + seconds * 1000;
}
