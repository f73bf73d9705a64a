import { randomBytes, randomUUID } from 'node:crypto';
import { createWallClock } from '../../agent/system/clock.ts';
import { type ApiRequestLine, type CloudApi, createCloudApi, type HubStatusAnswer } from '../twins/cloud-api/index.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import type { IotCore } from '../twins/iot-core/types.ts';
import { createObjectStore } from '../twins/object-store/index.ts';
import type { ObjectStore } from '../twins/object-store/types.ts';
import { createPki } from '../twins/pki/pki.ts';
import type { Credentials } from '../twins/pki/types.ts';

/** The host's 127.0.0.1 as the hub sees it. */
export const HOST_ADDRESS = '10.0.2.2';
/** The cloud's name; `/etc/hosts` of the hub has its address. */
export const CLOUD_NAME = 'iot.virtual';
const POLL_MS = 50;
/** A connection that does not answer a small command for this long is a stale one. */
const RESPONSE_TIMEOUT_MS = 45_000;

/** `lastCommand` in the reported state (contract, "Shadow"). */
export interface LastCommand {
  id: string;
  command: string;
  status: string;
  result?: Record<string, unknown>;
  error?: { code: string; message: string };
}

/** The cloud on the host: IoT Core and the public API as twins, with one hub made, provisioned and claimed. */
export interface CloudWorld {
  readonly identity: { hubId: string; serial: string; model: string; vendorName: string };
  /** The public API with the key of the hub's organisation. `onRequest`: told of each request; returns the unsubscriber. */
  readonly api: {
    readonly url: string;
    readonly key: string;
    readonly orgId: string;
    onRequest(told: (line: ApiRequestLine) => void): () => void;
  };
  /** The pair that the hub has: the last that was issued. */
  readonly hubCredentials: Credentials;
  readonly caCertificate: string;
  /** Host and port as the hub reaches them. */
  readonly endpoint: { host: string; port: number };
  readonly iotCore: IotCore;
  /** Where the parts of releases lie. */
  readonly store: ObjectStore;
  start(): Promise<void>;
  stop(): Promise<void>;
  claim(): Promise<void>;
  /** The back office releases the hub, and somebody else claims it; gives the new site. */
  reclaim(): Promise<string>;
  /** The claim that the hub reports; null: none. */
  reportedClaim(): { siteId: string } | null;
  /** Issues another pair for the hub; the one before is good until it is revoked. */
  issuePair(): Promise<Credentials>;
  /** Through the public API; resolves when the API took it. Gives the id of the command before it. */
  send(command: string, args: Record<string, unknown>): Promise<string | null>;
  lastCommand(): LastCommand | null;
  /** Waits until a command after `previousId` has ended; null after the time. */
  answer(previousId: string | null, timeoutMs: number, signal: AbortSignal): Promise<LastCommand | null>;
  /** Sends a command that changes nothing until one is answered: the hub can be reached, whatever a stale connection says. False after the time. */
  responds(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Waits until the hub is connected and the API says so; false after the time. */
  online(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Waits for a connection that is not there yet when this is called, and until the API says so; false after the time. */
  reconnects(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Labels of the secrets that stand in what the hub published, in its shadow, or in what the API says of it. */
  find(secrets: { label: string; text: string }[]): Promise<{ label: string; place: string }[]>;
}

/** Waits for a condition; false after the time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    if (await condition()) return true;
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Makes keys and twins; opens nothing before `start`. */
export async function createCloudWorld(): Promise<CloudWorld> {
  const hubId = randomUUID();
  const identity = { hubId, serial: 'SN-VM-1', model: 'HUB-VM', vendorName: 'Virtual' };
  const orgId = randomUUID();
  const apiKey = randomBytes(24).toString('hex');
  const pki = await createPki();
  let hubCredentials = await pki.issueClient(hubId);
  const server = await pki.issueServer([CLOUD_NAME, HOST_ADDRESS, '127.0.0.1', 'localhost']);
  const store = createObjectStore({ tls: server, publicHost: CLOUD_NAME, nowMs: Date.now });
  const iotCore = createIotCore({ server, caCertificate: pki.caCertificate, presign: (request) => store.presign(request) });
  const keys = [{ key: apiKey, orgId }];
  const requestListeners = new Set<(line: ApiRequestLine) => void>();
  const api: CloudApi = createCloudApi({
    iotCore,
    keys,
    jwtSecret: randomBytes(32).toString('hex'),
    wallClock: createWallClock(),
    onRequest(line) {
      for (const told of requestListeners) told(line);
    },
  });
  const published: Buffer[] = [];
  let last = { text: '', second: 0 };
  let unsubscribe = () => {};

  async function call(name: string, body: Record<string, unknown>): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
    const response = await fetch(`${api.url}/hubs/${hubId}/${name}`, { method: 'POST', headers, body: JSON.stringify({ hubId, ...body }) });
    if (!response.ok) throw new Error(`${name} was answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  }
  async function status(): Promise<HubStatusAnswer> {
    const response = await fetch(`${api.url}/hubs/${hubId}/status`, { headers: { 'x-api-key': apiKey } });
    if (!response.ok) throw new Error(`status was answered ${response.status}`);
    return (await response.json()) as HubStatusAnswer;
  }
  async function send(command: string, args: Record<string, unknown>): Promise<string | null> {
    // Two identical commands within one second of the cloud are one (contract, "A command from the shadow, exactly once").
    const text = JSON.stringify([command, args]);
    while (text === last.text && Math.floor(iotCore.nowMs() / 1000) <= last.second)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    last = { text, second: Math.floor(iotCore.nowMs() / 1000) + 1 };
    const previous = lastCommand()?.id ?? null;
    await call('SendHubCommand', { command, args });
    return previous;
  }
  const answer = async (previousId: string | null, timeoutMs: number, signal: AbortSignal) => {
    const ended = () => {
      const now = lastCommand();
      return now !== null && now.id !== previousId && now.status !== 'IN_PROGRESS';
    };
    return (await until(ended, timeoutMs, signal)) ? lastCommand() : null;
  };
  const online = (timeoutMs: number, signal: AbortSignal) =>
    until(async () => iotCore.connections().includes(hubId) && (await status()).online, timeoutMs, signal);
  async function claim(): Promise<string> {
    const siteId = randomUUID();
    await call('ClaimHub', { orgId, siteId, userId: randomUUID() });
    return siteId;
  }
  const lastCommand = () => (iotCore.shadow(hubId).get()?.state.reported?.lastCommand as LastCommand | undefined) ?? null;

  return {
    identity,
    api: {
      get url() {
        return api.url;
      },
      key: apiKey,
      orgId,
      onRequest(told) {
        requestListeners.add(told);
        return () => void requestListeners.delete(told);
      },
    },
    get hubCredentials() {
      return hubCredentials;
    },
    caCertificate: pki.caCertificate,
    get endpoint() {
      return { host: CLOUD_NAME, port: iotCore.port };
    },
    iotCore,
    store,
    async start() {
      await store.start();
      await iotCore.start();
      await api.start();
      iotCore.registerThing({ thingName: hubId, certificate: hubCredentials.certificate });
      unsubscribe = iotCore.onMessage('#', (message) => {
        if (message.clientId === hubId) published.push(message.payload);
      });
      const { hubId: _, ...rest } = identity;
      await call('ProvisionHub', rest);
    },
    async stop() {
      unsubscribe();
      await api.stop();
      await iotCore.stop();
      await store.stop();
    },
    claim: async () => void (await claim()),
    reclaim() {
      api.setStatus(hubId, 'Provisioned');
      return claim();
    },
    reportedClaim: () => (iotCore.shadow(hubId).get()?.state.reported?.claim as { siteId: string } | undefined) ?? null,
    async issuePair() {
      hubCredentials = await pki.issueClient(hubId);
      iotCore.attachCertificate({ thingName: hubId, certificate: hubCredentials.certificate });
      return hubCredentials;
    },
    send,
    lastCommand,
    answer,
    async responds(timeoutMs, signal) {
      const deadline = performance.now() + timeoutMs;
      do {
        if (!(await online(deadline - performance.now(), signal))) return false;
        // The API refuses while it knows the hub to be off.
        const previous = await send('server_info', {}).catch(() => undefined);
        if (previous !== undefined && (await answer(previous, RESPONSE_TIMEOUT_MS, signal))) return true;
      } while (performance.now() < deadline);
      return false;
    },
    online,
    async reconnects(timeoutMs, signal) {
      const deadline = performance.now() + timeoutMs;
      let connected = false;
      const forget = iotCore.onEvent((event) => {
        if (event.kind === 'connected' && event.clientId === hubId) connected = true;
      });
      try {
        if (!(await until(() => connected, timeoutMs, signal))) return false;
        return await online(deadline - performance.now(), signal);
      } finally {
        forget();
      }
    },
    async find(secrets) {
      const places = [
        { place: 'published', text: Buffer.concat(published).toString('latin1') },
        { place: 'shadow', text: JSON.stringify(iotCore.shadow(hubId).get()) },
        { place: 'API status', text: JSON.stringify(await status()) },
      ];
      return secrets.flatMap(({ label, text }) =>
        places.filter((place) => place.text.includes(text)).map(({ place }) => ({ label, place })),
      );
    },
  };
}
