import type { Packet } from 'mqtt-packet';
import type { JobsAccess } from './jobs/types.ts';

/** A shadow document as AWS IoT stores it. */
export interface ShadowDocument {
  /** `delta` is what a get answers beside the two sections while they differ. */
  state: { desired?: Record<string, unknown>; reported?: Record<string, unknown>; delta?: Record<string, unknown> };
  metadata: { desired?: unknown; reported?: unknown };
  version: number;
  /** Epoch seconds of this answer, as AWS sends it. */
  timestamp: number;
}

/** What the Shadow service answers to a write. `code` as in AWS: 400, 404, 409, 413, 429. */
export type ShadowWriteResult = { ok: true; version: number; timestamp: number } | { ok: false; code: number; message: string };

/** The Shadow service as AWS's data plane API (HTTPS) offers it to a backend: no MQTT connection involved. */
export interface ShadowAccess {
  get(): ShadowDocument | null;
  /** `update` is a request document: `{state, version?, clientToken?}`. Publishes accepted, delta and documents to MQTT subscribers. */
  update(update: { state: { desired?: unknown; reported?: unknown } | null; version?: number; clientToken?: string }): ShadowWriteResult;
  delete(): void;
}

/** A registered Thing with the certificate that may connect as it. */
export interface ThingRegistration {
  thingName: string;
  /** PEM of the certificate attached to the Thing; null: any certificate the CA signed. */
  certificate: string | null;
}

/** AWS IoT Core's limits; defaults are AWS's own. A test may lower or raise one. Times are milliseconds where the name says so. */
export interface IotCoreLimits {
  minKeepAliveSeconds: number;
  maxKeepAliveSeconds: number;
  connectsPerSecondPerClient: number;
  maxSubscriptions: number;
  maxFiltersPerSubscribe: number;
  publishesPerSecond: number;
  bytesPerSecond: number;
  maxInflightQos1: number;
  maxPayloadBytes: number;
  maxTopicSlashes: number;
  maxShadowBytes: number;
  maxShadowUpdatesInFlight: number;
  maxSessionExpirySeconds: number;
  drainMessagesPerSecond: number;
  maxPacketBytes: number;
  maxTopicAliases: number;
  maxTopicBytes: number;
  maxShadowDepth: number;
  maxClientTokenBytes: number;
}

/** A status of AWS IoT Device Management Commands. `CREATED` until the device answers. */
export type ExecutionStatus = 'CREATED' | 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'TIMED_OUT';

/** A native command execution as the cloud sees it. */
export interface CommandExecution {
  executionId: string;
  thingName: string;
  status: ExecutionStatus;
  statusReason: { reasonCode: string; reasonDescription?: string } | null;
  result: Record<string, unknown> | null;
  /** Responses of the device that were accepted and refused. */
  acceptedResponses: number;
  rejectedResponses: number;
}

/** A message that passed the broker, for rules (cloud side) and for tests. */
export interface BrokerMessage {
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  retain: boolean;
  /** The publisher's client id; null for the cloud itself. */
  clientId: string | null;
}

/** A packet of a client's connection, as it was read from the wire or handed to it. */
export interface WirePacket {
  clientId: string;
  /** `up` is from the client. */
  direction: 'up' | 'down';
  packet: Packet;
  /** Its size on the wire. */
  bytes: number;
}

/** One line of the broker's own record, for tests and the demo. */
export interface BrokerEvent {
  at: number;
  kind: 'connected' | 'disconnected' | 'refused' | 'limit' | 'kicked' | 'started' | 'stopped';
  clientId: string | null;
  reason: string;
}

/** Faults on command; each lasts until cleared or used up. `clientId` selects one connection. */
export interface IotCoreFaults {
  /** Disconnects with a DISCONNECT packet (MQTT 5) as AWS does for an administrative kick; the will is published. */
  kick(clientId: string): boolean;
  /** Resets the TCP connection without a word. The will is published when the broker notices (at once). */
  drop(clientId: string): boolean;
  /** The link goes half-open: the broker neither reads nor writes any more on it, until its keepalive ends. */
  halfOpen(clientId: string): boolean;
  /** Delays every packet from the broker to this client by so many milliseconds; 0 ends it. */
  delay(clientId: string, delayMs: number): void;
  /** SUBSCRIBE on filters that start with this prefix is refused as AWS does for a policy denial: the connection ends. */
  denySubscribe(prefix: string): void;
  /** Ends that refusal; a filter that was denied twice is allowed too. */
  allowSubscribe(prefix: string): void;
  /** PUBLISH on topics that start with this prefix is refused likewise. */
  denyPublish(prefix: string): void;
  /** The next wills of this client are held back so many milliseconds (they may then arrive after the next birth). */
  lateWill(clientId: string, delayMs: number): void;
  /** The next so many wills of this client are published twice. */
  duplicateWill(clientId: string, count: number): void;
  /** The broker takes the next `count` QoS 1 publishes (on topics with this prefix) and loses their PUBACK. */
  losePubacks(count: number, topicPrefix?: string): void;
  /** The next `count` PUBACKs of QoS 1 publishes are sent twice. */
  duplicatePubacks(count: number): void;
  /** The next `count` shadow responses (accepted and rejected) are done but not sent. */
  loseShadowResponses(count: number): void;
  /** The next `count` shadow updates are refused with this code (409, 429, 500). */
  failShadowUpdates(count: number, code: number): void;
  /** The next `count` requests to the Jobs service are refused as too many. */
  throttleJobs(count: number): void;
  /** The next `count` answers of the Jobs service are not sent; what was asked is done. */
  loseJobsResponses(count: number): void;
  /** The last delta of the thing is published again, unchanged. */
  redeliverDelta(thingName: string): void;
  /** Lifecycle events are delivered late by up to so many milliseconds, in any order, and `duplicate` of them twice. 0 ends it. */
  disturbLifecycle(maxDelayMs: number, duplicateShare: number, seed: number): void;
  /** Ends every new TCP connection to the first port at once, as a firewall does that blocks 8883; the ALPN port still serves. */
  blockPort(blocked: boolean): void;
  /** Refuses every new connection with this CONNACK reason (e.g. 0x97 quota exceeded) until called with null. */
  refuseConnect(reasonCode: number | null): void;
  /** Takes the commands feature from the account (and gives it back): a subscription to `$aws/commands/…` then ends the connection. */
  withoutCommandsFeature(missing: boolean): void;
  /** Moves the cloud's clock by so many milliseconds. */
  shiftClock(byMs: number): void;
  clear(): void;
}

/** The virtual IoT Core. */
export interface IotCore {
  /** Host name or address to connect to. */
  readonly host: string;
  /** The TLS port; 0 before `start`. The same after a `restart`. */
  readonly port: number;
  /** A second TLS port that, like AWS's 443, serves only clients that offer ALPN `x-amzn-mqtt-ca`; 0 before `start`. */
  readonly alpnPort: number;
  readonly faults: IotCoreFaults;
  start(): Promise<void>;
  /** Drops everything and frees the port. Shadows, sessions and retained messages stay for a later `start`. */
  stop(): Promise<void>;
  registerThing(thing: ThingRegistration): void;
  /** Attaches one more certificate to a Thing that has its own: each may connect, as while one takes another's place. */
  attachCertificate(thing: { thingName: string; certificate: string }): void;
  /**
   * Takes a certificate's right to connect, and ends the connections that it has (AWS: `update-certificate --new-status REVOKED`). It is good for
   * no Thing any more.
   */
  revokeCertificate(certificate: string): void;
  hasThing(thingName: string): boolean;
  /** The shadow of a Thing; without a name the classic shadow. */
  shadow(thingName: string, shadowName?: string): ShadowAccess;
  /** Publishes as the cloud. */
  publish(topic: string, payload: string | Buffer, options?: { qos?: 0 | 1; retain?: boolean }): void;
  /**
   * Starts a native command execution: publishes the payload to the Thing's request topic and returns the execution's id.
   * It is `TIMED_OUT` when no final answer came within `timeoutSeconds` (10 by default, as in AWS).
   */
  startExecution(thingName: string, payload: unknown, options?: { timeoutSeconds?: number; executionId?: string }): string;
  execution(executionId: string): CommandExecution | null;
  /** Called after each accepted answer and each time-out of an execution. Returns the unsubscriber. */
  onExecution(handler: (execution: CommandExecution) => void): () => void;
  /** The Jobs service as the cloud's API offers it. */
  readonly jobs: JobsAccess;
  /** Receives what matches the filter, as a rule of the cloud would (retained messages are not replayed). Returns the unsubscriber. */
  onMessage(filter: string, handler: (message: BrokerMessage) => void): () => void;
  onEvent(handler: (event: BrokerEvent) => void): () => void;
  /** Watches the packets of all clients' connections, after their CONNECT was read. Returns the unsubscriber. */
  onPacket(handler: (packet: WirePacket) => void): () => void;
  retained(topic: string): Buffer | null;
  /** Client ids connected now. */
  connections(): string[];
  /** Epoch milliseconds of the cloud's clock. */
  nowMs(): number;
}
