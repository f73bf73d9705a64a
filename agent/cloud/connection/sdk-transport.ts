// Deep imports: the packages' indexes load what other uses of AWS IoT need, 5 MB of it (npm run bench -- footprint). The SDK's `mqtt5` and `iot` are these.
import { AwsIotMqtt5ClientConfigBuilder } from 'aws-crt/dist/native/aws_iot_mqtt5.js';
import * as mqtt5 from 'aws-crt/dist/native/mqtt5.js';
import type { mqtt5 as sdk } from 'aws-iot-device-sdk-v2';
import type { ShadowUpdate, ShadowView } from '../../contract/shadow.ts';
import type { TlsCredentials } from '../../contract/tls.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import { HubError } from '../../system/errors.ts';
import type { Guard } from '../../system/guard.ts';
import { within } from '../../system/timeout.ts';
import { createJoinedSubscriptions } from './joined-subscriptions.ts';
import { createLateAcknowledgements, type LateAcknowledgements } from './late-acknowledgements.ts';
import { createPublishPace, MAX_MESSAGE_BYTES, type PublishPace } from './publish-pace.ts';
import { acknowledgementError, connectFailure, disconnection, isQuotaExceeded, operationError } from './sdk-errors.ts';
import { bytesOf } from './sdk-values.ts';
import { createShadowRequests, type ShadowRequests } from './shadow-requests.ts';
import { TLS_POLICY } from './tls-context.ts';
import type { Down, Link, LinkHandlers, Transport } from './transport.ts';

/** A TLS failure inside the SDK can hold `stop()` for 10–18 s (measured); no caller waits longer than this. */
const STOP_TIMEOUT_MS = 3_000;
/** Time for the acknowledgements of what came in last. */
const LAST_ACKS_MS = 100;
const CONNECT_TIMEOUT_MS = 20_000;
const ACK_TIMEOUT_SECONDS = 10;
/** The SDK would reconnect by itself, with the old will; we close the client long before. */
const NEVER_RECONNECT_MS = 3_600_000;
export interface SdkTransportOptions {
  thingName: string;
  /** Null: the classic shadow. */
  shadowName: string | null;
  tls: TlsCredentials;
  clock: MonotonicClock;
  entropy: Pick<Entropy, 'uuid'>;
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
      builder.withExtendedValidationAndFlowControlOptions(mqtt5.ClientExtendedValidationAndFlowControl.None);
      const config = builder.build();
      config.disableMetrics = true;
      return new SdkLink(new mqtt5.Mqtt5Client(config), options, handlers);
    },
  };
}

class SdkLink implements Link {
  readonly #client: sdk.Mqtt5Client;
  readonly #options: SdkTransportOptions;
  readonly #handlers: LinkHandlers;
  readonly #stopped: Promise<void>;
  readonly #shadow: ShadowRequests;
  readonly #pace: PublishPace;
  readonly #acknowledgements: LateAcknowledgements;
  readonly #join: ReturnType<typeof createJoinedSubscriptions>;
  #up = false;
  #down = false;
  #closed: Promise<void> | null = null;
  /** What waits for an answer. The library never settles some of the operations of a client that is closed (seen under chaos; the cause was not isolated). */
  readonly #underWay = new Set<(error: HubError) => void>();

  constructor(client: sdk.Mqtt5Client, options: SdkTransportOptions, handlers: LinkHandlers) {
    this.#client = client;
    this.#options = options;
    this.#handlers = handlers;
    this.#stopped = new Promise((resolve) => client.on('stopped', () => resolve()));
    const { guard, thingName, shadowName, clock } = options;
    this.#pace = createPublishPace({ clock });
    this.#acknowledgements = createLateAcknowledgements({ clock });
    this.#join = createJoinedSubscriptions(async (subscriptions) => {
      const levels = [mqtt5.QoS.AtMostOnce, mqtt5.QoS.AtLeastOnce];
      const ack = await client.subscribe({
        subscriptions: subscriptions.map(({ filter, qos }) => ({ topicFilter: filter, qos: levels[qos]! })),
      });
      return ack.reasonCodes;
    });
    this.#shadow = createShadowRequests({
      thingName,
      shadowName,
      token: options.entropy.uuid(),
      clock,
      publish: (topic, payload) => this.#request(topic, payload),
      subscribe: (filters, qos) => this.#subscribe(filters, qos),
      onDelta: handlers.onDelta,
      onUnreadable: handlers.onUnreadable,
    });
    const onEnd = <E>(read: (event: E) => Down) => guard('cloud link', (event: E) => this.#end(event, read));
    // Without a listener the SDK throws.
    client.on(
      'error',
      onEnd((error: unknown) => disconnection(error, undefined)),
    );
    client.on(
      'connectionFailure',
      onEnd(({ error, connack }: sdk.ConnectionFailureEvent) => connectFailure(error, connack?.reasonCode)),
    );
    client.on(
      'disconnection',
      onEnd(({ error, disconnect }: sdk.DisconnectionEvent) => disconnection(error, disconnect?.reasonCode)),
    );
    client.on(
      'connectionSuccess',
      guard('cloud link', () => {
        if (this.#down) return;
        this.#up = true;
        handlers.onUp();
      }),
    );
    client.on(
      'messageReceived',
      guard('cloud message', ({ message, acknowledgementControl }: sdk.MessageReceivedEvent) => {
        if (this.#down) return;
        const handle = acknowledgementControl?.acquireHandle();
        if (handle) this.#acknowledgements.add(guard('cloud acknowledgement', () => handle.invokeAcknowledgement()));
        const { topicName } = message;
        const payload = bytesOf(message.payload);
        if (!this.#shadow.message(topicName, payload)) handlers.onMessage(topicName, payload, message.retain === true);
      }),
    );
    client.start();
  }

  async publish(topic: string, payload: string, { retain = false } = {}): Promise<void> {
    const reasonCode = await this.#publish(topic, payload, retain);
    refuse(`publish to ${topic}`, reasonCode);
  }

  subscribe(filter: string, qos: 0 | 1 = 1): Promise<void> {
    return this.#subscribe([filter], qos);
  }

  openDeltas(options?: { alone?: boolean }): Promise<void> {
    return this.#whileUp(this.#shadow.openDeltas(options));
  }

  async readShadow(): Promise<ShadowView> {
    this.#requireUp('read the shadow');
    return await this.#whileUp(this.#shadow.read());
  }

  async updateShadow(update: ShadowUpdate): Promise<number> {
    this.#requireUp('update the shadow');
    return await this.#whileUp(this.#shadow.update(update));
  }

  /** Resolves with the PUBACK's reason code. */
  async #publish(topic: string, payload: string, retain: boolean): Promise<number | undefined> {
    const what = `publish to ${topic}`;
    const bytes = Buffer.byteLength(payload);
    if (bytes > MAX_MESSAGE_BYTES) throw new HubError('cloud_refused', `${what}: ${bytes} bytes, and AWS IoT takes ${MAX_MESSAGE_BYTES}`);
    this.#requireUp(what);
    await this.#whileUp(this.#pace.turn(bytes));
    this.#requireUp(what);
    this.#acknowledgements.published();
    try {
      const ack = await this.#whileUp(this.#client.publish({ topicName: topic, payload, qos: mqtt5.QoS.AtLeastOnce, retain }));
      return ack?.reasonCode;
    } catch (error) {
      throw operationError(what, error);
    }
  }

  async #request(topic: string, payload: string): Promise<void> {
    const reasonCode = await this.#publish(topic, payload, false);
    if (isQuotaExceeded(reasonCode)) throw new HubError('shadow_throttled', `publish to ${topic}: a quota of the account is exceeded`);
    refuse(`publish to ${topic}`, reasonCode);
  }

  async #subscribe(filters: readonly string[], qos: 0 | 1): Promise<void> {
    const what = `subscribe to ${filters.join(', ')}`;
    this.#requireUp(what);
    let reasonCodes: number[];
    try {
      reasonCodes = await this.#whileUp(this.#join(filters.map((filter) => ({ filter, qos }))));
    } catch (error) {
      throw operationError(what, error);
    }
    for (const code of reasonCodes) refuse(what, code);
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
    if (this.#up) this.#acknowledgements.flush();
    this.#acknowledgements.end();
    // A PUBACK that is queued while the DISCONNECT is on its way blocks it inside the SDK until it is killed (measured: 1 stop in 10).
    if (this.#up) await sleep(this.#options.clock, LAST_ACKS_MS);
    const { NormalDisconnection, DisconnectWithWillMessage } = mqtt5.DisconnectReasonCode;
    this.#client.stop({ reasonCode: silently ? NormalDisconnection : DisconnectWithWillMessage });
    await within(this.#options.clock, STOP_TIMEOUT_MS, this.#stopped, () => {});
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
    this.#acknowledgements.end();
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
    this.#pace.end();
    for (const reject of this.#underWay) reject(new HubError('cloud_disconnected', 'the link fell'));
    this.#shadow.end();
  }

  #requireUp(what: string): void {
    if (this.#down) throw new HubError('cloud_disconnected', `${what}: the link is down`);
  }
}

function refuse(what: string, reasonCode: number | undefined): void {
  const error = acknowledgementError(what, reasonCode);
  if (error) throw error;
}
