import { X509Certificate } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { createMonotonicClock, createWallClock, type MonotonicClock, type WallClock } from '../../../agent/system/clock.ts';
import { createRandom, randomUuid } from '../../support/random.ts';
import type { Credentials, Pki } from '../pki/types.ts';
import { type Broker, createBroker } from './broker.ts';
import { createExecutions } from './executions.ts';
import { noFaults, takeDuplicateWill, takeShadowFailure, takesJobsRequest, takesJobsResponse, takesShadowResponse } from './fault-state.ts';
import { createFaults } from './faults.ts';
import { createJobsService } from './jobs/service.ts';
import { parseJobsRequestTopic } from './jobs/topics.ts';
import type { PresignRequest } from './jobs/types.ts';
import { createLifecycle } from './lifecycle.ts';
import { AWS_LIMITS } from './limits.ts';
import { type Listener, listen } from './listener.ts';
import { expiryOf, forwardedProperties, type Message } from './message.ts';
import { createRouter } from './router.ts';
import type { Session } from './session.ts';
import { createShadowService } from './shadow-service.ts';
import { createTimers } from './timers.ts';
import { parseExecutionResponseTopic, parseShadowRequestTopic, type ShadowTopic } from './topics.ts';
import type { BrokerEvent, IotCore, IotCoreLimits, WirePacket } from './types.ts';
import { createWills } from './wills.ts';

export { AWS_LIMITS } from './limits.ts';

export interface IotCoreOptions {
  /** Either a PKI, which then issues the server's certificate for the host and `localhost` … */
  pki?: Pki;
  /** … or the server's credentials and the root that signed the clients. */
  server?: Credentials;
  caCertificate?: string;
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default 0: a free port, kept from then on. */
  port?: number;
  /** Opens a second port that demands ALPN; 0 takes a free one. Default: none. */
  alpnPort?: number;
  /** The only version of TLS that is spoken. Default: 1.2 and 1.3, as AWS IoT does. */
  onlyTls?: SecureVersion;
  limits?: Partial<IotCoreLimits>;
  wallClock?: WallClock;
  clock?: MonotonicClock;
  /** Seeds the ids the broker makes. */
  seed?: number;
  /** Gives an MQTT 5 client without a client id one of the broker's, which no Thing's policy fits. Default: it is refused. */
  assignClientIds?: boolean;
  /** Time the Shadow service takes for a request; requests meanwhile are in flight. Default 0. */
  shadowLatencyMs?: number;
  /** Makes the presigned URLs of job documents; default: documents with placeholders cannot be read. */
  presign?(request: PresignRequest): string;
}

/** As AWS forms certificate ids: SHA-256 in hex. */
function certificateIdOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}

/** A virtual AWS IoT Core: message broker, Shadow service, lifecycle events and command executions. Opens nothing before `start`. */
export function createIotCore(options: IotCoreOptions): IotCore {
  const clock = options.clock ?? createMonotonicClock();
  const wallClock = options.wallClock ?? createWallClock();
  const host = options.host ?? '127.0.0.1';
  const limits: IotCoreLimits = { ...AWS_LIMITS, ...options.limits };
  const random = createRandom(options.seed ?? 1);
  const uuid = () => randomUuid(random);
  const faultState = noFaults();
  const timers = createTimers(clock);
  const sessions = new Map<string, Session>();
  /** The certificates of each Thing by their ids; null: any. */
  const things = new Map<string, Set<string> | null>();
  const revoked = new Set<string>();
  const shadowRequests = new Map<string, number>();
  const eventHandlers = new Set<(event: BrokerEvent) => void>();
  const packetHandlers = new Set<(packet: WirePacket) => void>();
  const ports = { plain: options.port ?? 0, alpn: options.alpnPort ?? 0 };
  let clockShiftMs = 0;
  let listeners: Listener[] = [];

  const nowMs = () => wallClock.nowMs() + clockShiftMs;
  const router = createRouter(sessions, clock.nowMs);

  function emit(kind: BrokerEvent['kind'], clientId: string | null, reason: string): void {
    for (const handler of [...eventHandlers]) handler({ at: nowMs(), kind, clientId, reason });
  }

  /** Publishes as one of AWS's services. */
  function publishAsService(topic: string, payload: string, properties?: { contentType: string; messageExpiryInterval: number }): void {
    const message = { topic, payload: Buffer.from(payload), qos: 1, retain: false, clientId: null } as const;
    router.publish({ ...message, properties: forwardedProperties(properties), expiresAtMs: expiryOf(properties, clock.nowMs()) });
  }

  const shadows = createShadowService({
    limits,
    nowMs,
    publish: publishAsService,
    nextUpdateFailure: () => takeShadowFailure(faultState),
    losesNextResponse: () => takesShadowResponse(faultState),
  });
  const executions = createExecutions({ timers, uuid, publish: publishAsService });
  const jobs = createJobsService({
    timers,
    nowMs,
    publish: publishAsService,
    presign(request) {
      if (!options.presign) throw new Error('the virtual IoT Core needs `presign` for a job document with presigned URLs');
      return options.presign(request);
    },
    throttlesNextRequest: () => takesJobsRequest(faultState),
    losesNextResponse: () => takesJobsResponse(faultState),
  });

  /** Takes a request to the Shadow service, which answers later: until then it is in flight. */
  function requestShadow(topic: ShadowTopic, { clientId, payload }: Message): void {
    const requester = clientId ?? '';
    const inFlight = shadowRequests.get(requester) ?? 0;
    if (clientId !== null && inFlight >= limits.maxShadowUpdatesInFlight) {
      shadows.refuseTooMany(topic, payload);
      return;
    }
    shadowRequests.set(requester, inFlight + 1);
    timers.schedule(options.shadowLatencyMs ?? 0, () => {
      shadowRequests.set(requester, shadowRequests.get(requester)! - 1);
      shadows.handle(topic, payload);
    });
  }

  /** Hands a published message to subscribers and to the services that listen on reserved topics. */
  function publish(message: Message): void {
    router.publish(message);
    const response = parseExecutionResponseTopic(message.topic);
    if (response) executions.respond(response.thingName, response.executionId, message.payload);
    const request = parseShadowRequestTopic(message.topic);
    if (request) requestShadow(request, message);
    const jobsRequest = parseJobsRequestTopic(message.topic);
    if (jobsRequest) jobs.handle(jobsRequest, message.payload);
  }

  const wills = createWills({
    timers,
    // The Shadow service does not take requests from wills.
    publish: ({ message, expirySeconds }) =>
      router.publish({ ...message, expiresAtMs: expirySeconds === null ? null : clock.nowMs() + expirySeconds * 1000 }),
    lateMs: (clientId) => faultState.lateWillMs.get(clientId) ?? 0,
    duplicates: (clientId) => takeDuplicateWill(faultState, clientId),
  });
  const lifecycle = createLifecycle({ timers, nowMs, publish: publishAsService, disturbance: () => faultState.lifecycle });
  const broker: Broker = createBroker({
    limits,
    clock,
    timers,
    faults: faultState,
    router,
    wills,
    lifecycle,
    sessions,
    assignClientIds: options.assignClientIds ?? false,
    uuid,
    authenticates(thingName, certificateId) {
      const attached = things.get(thingName);
      return attached !== undefined && !revoked.has(certificateId) && (attached === null || attached.has(certificateId));
    },
    onPublish: publish,
    onEvent: emit,
    onPacket(packet) {
      for (const handler of [...packetHandlers]) handler(packet);
    },
  });

  async function credentials(): Promise<{ credentials: Credentials; caCertificate: string }> {
    if (options.server && options.caCertificate) return { credentials: options.server, caCertificate: options.caCertificate };
    if (!options.pki) throw new Error('the virtual IoT Core needs a pki, or server and caCertificate');
    return {
      credentials: await options.pki.issueServer([...new Set([host, 'localhost', '127.0.0.1'])]),
      caCertificate: options.pki.caCertificate,
    };
  }

  return {
    host,
    get port() {
      return ports.plain;
    },
    get alpnPort() {
      return ports.alpn;
    },
    faults: createFaults({
      state: faultState,
      broker,
      redeliverDelta: shadows.redeliverDelta,
      shiftClock(byMs) {
        clockShiftMs += byMs;
      },
    }),
    async start() {
      if (listeners.length > 0) return;
      const common = {
        onlyTls: options.onlyTls,
        host,
        ...(await credentials()),
        onSocket: broker.accept,
        onRefused: (reason: string) => emit('refused', null, reason),
      };
      listeners = [await listen(ports.plain, { ...common, requireAlpn: false, isBlocked: () => faultState.portBlocked })];
      ports.plain = listeners[0]!.port;
      if (options.alpnPort !== undefined) {
        listeners.push(await listen(ports.alpn, { ...common, requireAlpn: true, isBlocked: () => false }));
        ports.alpn = listeners[1]!.port;
      }
      timers.resume();
      emit('started', null, `${host}:${ports.plain}`);
    },
    async stop() {
      const open = listeners;
      listeners = [];
      if (open.length === 0) return;
      timers.suspend();
      broker.dropAll();
      await Promise.all(open.map((listener) => listener.close()));
      emit('stopped', null, 'stopped');
    },
    registerThing({ thingName, certificate }) {
      things.set(thingName, certificate === null ? null : new Set([certificateIdOf(certificate)]));
    },
    attachCertificate({ thingName, certificate }) {
      const attached = things.get(thingName);
      if (!attached) throw new Error(`${thingName} is not a Thing with certificates of its own`);
      attached.add(certificateIdOf(certificate));
    },
    revokeCertificate(certificate) {
      const id = certificateIdOf(certificate);
      revoked.add(id);
      broker.expel(id);
    },
    hasThing: (thingName) => things.has(thingName),
    shadow: (thingName, shadowName) => ({
      get: () => shadows.get(thingName, shadowName ?? null),
      update: (update) => shadows.update(thingName, shadowName ?? null, Buffer.from(JSON.stringify(update))),
      delete: () => void shadows.remove(thingName, shadowName ?? null),
    }),
    publish(topic, payload, { qos = 1, retain = false } = {}) {
      publish({ topic, payload: Buffer.from(payload), qos, retain, clientId: null, properties: {}, expiresAtMs: null });
    },
    startExecution: executions.start,
    execution: executions.find,
    onExecution: executions.onChange,
    jobs: jobs.access,
    onMessage: router.tap,
    onEvent(handler) {
      eventHandlers.add(handler);
      return () => eventHandlers.delete(handler);
    },
    onPacket(handler) {
      packetHandlers.add(handler);
      return () => packetHandlers.delete(handler);
    },
    retained: router.retained,
    connections: broker.connections,
    nowMs,
  };
}
