import type { IotCoreLimits } from './types.ts';

/** AWS IoT Core's own figures (AWS General Reference, "AWS IoT Core endpoints and quotas"). */
export const AWS_LIMITS: IotCoreLimits = {
  minKeepAliveSeconds: 30,
  maxKeepAliveSeconds: 1200,
  connectsPerSecondPerClient: 1,
  maxSubscriptions: 50,
  maxFiltersPerSubscribe: 8,
  publishesPerSecond: 100,
  bytesPerSecond: 512 * 1024,
  maxInflightQos1: 100,
  maxPayloadBytes: 128 * 1024,
  maxTopicSlashes: 7,
  maxShadowBytes: 8 * 1024,
  maxShadowUpdatesInFlight: 10,
  maxSessionExpirySeconds: 3600,
  drainMessagesPerSecond: 10,
  maxPacketBytes: 149_504,
  maxTopicAliases: 8,
  maxTopicBytes: 256,
  maxShadowDepth: 6,
  maxClientTokenBytes: 64,
};

/** The longest topic name prefix that is free of the slash limit: reserved topics are as long as AWS made them. */
export const UNLIMITED_SLASHES_PREFIX = '$aws/commands/';

/** A broker drops a connection after this share of its keepalive without a packet (MQTT 5, 3.1.2.10). */
export const KEEP_ALIVE_GRACE = 1.5;

/** Time a new TCP connection has for its CONNECT; not published by AWS, generous for a slow handshake. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** Messages a session may hold for an absent client; a bound of this twin, far above what a test queues. */
export const MAX_STORED_MESSAGES = 10_000;
