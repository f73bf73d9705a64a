// Deep imports: the packages' indexes load what other uses of AWS IoT need, 5 MB of it (npm run bench -- footprint).
import { AwsIotMqtt5ClientConfigBuilder } from 'aws-crt/dist/native/aws_iot_mqtt5.js';
import * as mqtt5 from 'aws-crt/dist/native/mqtt5.js';
import { IotShadowClientv2 } from 'aws-iot-device-sdk-v2/dist/iotshadow/iotshadowclientv2.js';
import type { ShadowUpdate, ShadowView } from '../../contract/shadow.ts';
import type { TlsCredentials } from '../../contract/tls.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import { HubError } from '../../system/errors.ts';
import type { Guard } from '../../system/guard.ts';
import { within } from '../../system/timeout.ts';
import { acknowledgementError, connectFailure, disconnection, nameOf, operationError, shadowError } from './sdk-errors.ts';
import { bytesOf, deltaView, readView, versionOf } from './sdk-values.ts';
import { TLS_POLICY } from './tls-context.ts';
import type { Down, Link, LinkHandlers, Transport } from './transport.ts';

/** A TLS failure inside the SDK can hold `stop()` for 10–18 s (measured); no caller waits longer than this. */
const STOP_TIMEOUT_MS = 3_000;
/** Time for the acknowledgements of what came in last. */
const LAST_ACKS_MS = 100;
const CONNECT_TIMEOUT_MS = 20_000;
const ACK_TIMEOUT_SECONDS = 10;
/** As long as the library waits for a SUBACK, and once more. */
const SUBSCRIBE_TIMEOUT_MS = 20_000;
/** The Shadow service answers in well under a second. A request without an answer is repeated, and until then a hub that has just
 * connected is shown offline: three lost answers in a row stay within 1.5 keepalives of 10 s. */
const SHADOW_TIMEOUT_SECONDS = 5;
/** The SDK would reconnect by itself, with the old will; we close the client long before. */
const NEVER_RECONNECT_MS = 3_600_000;
/** Streams and request-response subscriptions of the shadow client: one delta stream, get and update with accepted and rejected. */
const SHADOW_CLIENT = {
  maxRequestResponseSubscriptions: 4,
  maxStreamingSubscriptions: 2,
  operationTimeoutInSeconds: SHADOW_TIMEOUT_SECONDS,
};

export interface SdkTransportOptions {
  thingName: string;
  /** Null: the classic shadow. */
  shadowName: string | null;
  tls: TlsCredentials;
  clock: MonotonicClock;
  guard: Guard;
}

/** Links on `aws-iot-device-sdk-v2`'s MQTT 5 client over mutual TLS. One native client per link; it is closed when the link is down. */
export function createSdkTransport(options: SdkTransportOptions): Transport {
  return {
    connect({ target, clientId, keepAliveSeconds, will }, handlers) {
      const builder = AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(
        target.host,
        options.tls.certificate,
        options.tls.privateKey.reveal(),
      );
      builder.withCertificateAuthority(options.tls.authorities);
      builder.withTlsCipherPreference(TLS_POLICY);
      builder.withPort(target.port);
      builder.withConnectProperties({
        clientId,
        keepAliveIntervalSeconds: keepAliveSeconds,
        // No stored session: a delta that waited for us would carry an old timestamp and hide the command's age. We read the shadow instead.
        sessionExpiryIntervalSeconds: 0,
        will: { topicName: will.topic, payload: will.payload, qos: mqtt5.QoS.AtLeastOnce, retain: true },
      });
      builder.withSessionBehavior(mqtt5.ClientSessionBehavior.Clean);
      builder.withOfflineQueueBehavior(mqtt5.ClientOperationQueueBehavior.FailAllOnDisconnect);
      builder.withMinReconnectDelayMs(NEVER_RECONNECT_MS);
      builder.withMaxReconnectDelayMs(NEVER_RECONNECT_MS);
      builder.withConnackTimeoutMs(CONNECT_TIMEOUT_MS);
      // With the interval itself: silence is noticed within 1.5 times the keepalive.
      builder.withPingTimeoutMs((keepAliveSeconds * 1000) / 2);
      builder.withAckTimeoutSeconds(ACK_TIMEOUT_SECONDS);
      const config = builder.build();
      config.disableMetrics = true;
      return new SdkLink(new mqtt5.Mqtt5Client(config), options, handlers);
    },
  };
}

class SdkLink implements Link {
  readonly #client: mqtt5.Mqtt5Client;
  readonly #options: SdkTransportOptions;
  readonly #handlers: LinkHandlers;
  readonly #stopped: Promise<void>;
  #shadow: IotShadowClientv2 | null = null;
  #down = false;
  #closed: Promise<void> | null = null;
  /** What waits for an answer. The library never settles some of the operations of a client that is closed (seen under chaos; the cause was not isolated). */
  readonly #underWay = new Set<(error: HubError) => void>();

  constructor(client: mqtt5.Mqtt5Client, options: SdkTransportOptions, handlers: LinkHandlers) {
    this.#client = client;
    this.#options = options;
    this.#handlers = handlers;
    this.#stopped = new Promise((resolve) => client.on('stopped', () => resolve()));
    const { guard } = options;
    const onEnd = <E>(read: (event: E) => Down) => guard('cloud link', (event: E) => this.#end(event, read));
    // Without a listener the SDK throws.
    client.on(
      'error',
      onEnd((error: unknown) => disconnection(error, undefined)),
    );
    client.on(
      'connectionFailure',
      onEnd(({ error, connack }: mqtt5.ConnectionFailureEvent) => connectFailure(error, connack?.reasonCode)),
    );
    client.on(
      'disconnection',
      onEnd(({ error, disconnect }: mqtt5.DisconnectionEvent) => disconnection(error, disconnect?.reasonCode)),
    );
    client.on(
      'connectionSuccess',
      guard('cloud link', () => {
        if (this.#down) return;
        this.#shadow = IotShadowClientv2.newFromMqtt5(client, SHADOW_CLIENT);
        handlers.onUp();
      }),
    );
    client.on(
      'messageReceived',
      guard('cloud message', ({ message }: mqtt5.MessageReceivedEvent) => {
        if (!this.#down) handlers.onMessage(message.topicName, bytesOf(message.payload), message.retain === true);
      }),
    );
    client.start();
  }

  async publish(topic: string, payload: string, { retain = false } = {}): Promise<void> {
    this.#requireUp(`publish to ${topic}`);
    let reasonCode: number | undefined;
    try {
      const ack = await this.#whileUp(this.#client.publish({ topicName: topic, payload, qos: mqtt5.QoS.AtLeastOnce, retain }));
      reasonCode = ack?.reasonCode;
    } catch (error) {
      throw operationError(`publish to ${topic}`, error);
    }
    refuse(`publish to ${topic}`, reasonCode);
  }

  async subscribe(filter: string): Promise<void> {
    this.#requireUp(`subscribe to ${filter}`);
    let reasonCodes: number[];
    try {
      const ack = await this.#whileUp(this.#client.subscribe({ subscriptions: [{ topicFilter: filter, qos: mqtt5.QoS.AtLeastOnce }] }));
      reasonCodes = ack.reasonCodes;
    } catch (error) {
      throw operationError(`subscribe to ${filter}`, error);
    }
    for (const code of reasonCodes) refuse(`subscribe to ${filter}`, code);
  }

  async openDeltas(): Promise<void> {
    const shadow = this.#requireShadow('subscribe to deltas');
    const { thingName, shadowName } = this.#options;
    const stream =
      shadowName === null
        ? shadow.createShadowDeltaUpdatedStream({ thingName })
        : shadow.createNamedShadowDeltaUpdatedStream({ thingName, shadowName });
    const { guard } = this.#options;
    stream.on(
      'incomingPublish',
      guard('shadow delta', ({ message }: { message: unknown }) => {
        if (this.#down) return;
        const view = deltaView(message);
        if (view) this.#handlers.onDelta(view);
        else this.#handlers.onUnreadable('delta: not an object');
      }),
    );
    stream.on(
      'incomingPublishError',
      guard('shadow delta', ({ error }: { error: unknown }) => this.#handlers.onUnreadable(`delta: ${nameOf(error)}`)),
    );
    const established = new Promise<void>((resolve, reject) => {
      const onStatus = ({ type, error }: { type: number; error?: unknown }) => {
        // 0 established, 1 lost, 2 halted: not tried again, for the policy forbids it (aws-crt, SubscriptionStatusEventType).
        if (type === 0) resolve();
        else if (type === 2) reject(new HubError('cloud_refused', `subscribe to deltas: ${nameOf(error ?? 'halted')}`));
        else reject(operationError('subscribe to deltas', error ?? 'subscription lost'));
      };
      stream.on('subscriptionStatus', guard('shadow delta', onStatus));
      stream.open();
    });
    // The library tries some failures again without a word: a session must not wait for ever to be born.
    await within(this.#options.clock, SUBSCRIBE_TIMEOUT_MS, this.#whileUp(established), () => {
      throw new HubError('cloud_timeout', 'subscribe to deltas: no answer');
    });
  }

  async readShadow(): Promise<ShadowView> {
    const shadow = this.#requireShadow('read the shadow');
    const { thingName, shadowName } = this.#options;
    try {
      const answer = await this.#whileUp(
        shadowName === null ? shadow.getShadow({ thingName }) : shadow.getNamedShadow({ thingName, shadowName }),
      );
      return readView(answer);
    } catch (error) {
      const problem = shadowError('read the shadow', error);
      // A Thing is born without a shadow; our first report makes it.
      if (problem.code !== 'shadow_not_found') throw problem;
      return { source: 'read', version: 0, timestampSeconds: 0, desired: {}, desiredMetadata: {}, reported: {} };
    }
  }

  async updateShadow({ desired, reported, version }: ShadowUpdate): Promise<number> {
    const shadow = this.#requireShadow('update the shadow');
    const { thingName, shadowName } = this.#options;
    const state = { ...(desired && { desired }), ...(reported && { reported }) };
    const request = { thingName, state, ...(version !== undefined && { version }) };
    try {
      const answer = await this.#whileUp(
        shadowName === null ? shadow.updateShadow(request) : shadow.updateNamedShadow({ ...request, shadowName }),
      );
      return versionOf(answer);
    } catch (error) {
      throw shadowError('update the shadow', error);
    }
  }

  close({ silently = false } = {}): Promise<void> {
    if (!this.#down) {
      this.#down = true;
      this.#handlers.onDown({ reason: 'local', detail: 'closed by the agent' });
      this.#giveUp();
    }
    this.#closed ??= this.#release(silently);
    return this.#closed;
  }

  async #release(silently: boolean): Promise<void> {
    // A PUBACK that is queued while the DISCONNECT is on its way blocks it inside the SDK until it is killed (measured: 1 stop in 10).
    if (this.#shadow) await sleep(this.#options.clock, LAST_ACKS_MS);
    const { NormalDisconnection, DisconnectWithWillMessage } = mqtt5.DisconnectReasonCode;
    this.#client.stop({ reasonCode: silently ? NormalDisconnection : DisconnectWithWillMessage });
    await within(this.#options.clock, STOP_TIMEOUT_MS, this.#stopped, () => {});
    // After the client: the shadow client's end queues unsubscribes, which would hold up the DISCONNECT (seen, 3 s).
    this.#shadow?.close();
    this.#shadow = null;
    this.#client.close();
  }

  /** The link has ended, even where the event cannot be read. */
  #end<E>(event: E, read: (event: E) => Down): void {
    let down: Down = { reason: 'closed', detail: 'the event cannot be read' };
    try {
      down = read(event);
    } finally {
      this.#fall(down);
    }
  }

  #fall(down: Down): void {
    if (this.#down) return;
    this.#down = true;
    this.#handlers.onDown(down);
    this.#giveUp();
    void this.close();
  }

  /** The operation's own end, or the link's. */
  #whileUp<T>(operation: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      operation.then(resolve, reject).finally(() => this.#underWay.delete(reject));
    });
  }

  #giveUp(): void {
    for (const reject of this.#underWay) reject(new HubError('cloud_disconnected', 'the link fell'));
  }

  #requireUp(what: string): void {
    if (this.#down) throw new HubError('cloud_disconnected', `${what}: the link is down`);
  }

  #requireShadow(what: string): IotShadowClientv2 {
    if (this.#down || !this.#shadow) throw new HubError('cloud_disconnected', `${what}: the link is down`);
    return this.#shadow;
  }
}

function refuse(what: string, reasonCode: number | undefined): void {
  const error = acknowledgementError(what, reasonCode);
  if (error) throw error;
}
