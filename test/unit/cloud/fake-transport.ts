import type { ConnectOptions, Down, Link, LinkHandlers, Transport } from '../../../agent/cloud/connection/transport.ts';
import type { DownReason } from '../../../agent/contract/cloud.ts';
import type { ShadowUpdate, ShadowView } from '../../../agent/contract/shadow.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { AWS_LIMITS } from '../../twins/iot-core/limits.ts';
import { createShadowService } from '../../twins/iot-core/shadow-service.ts';
import type { ShadowDocument } from '../../twins/iot-core/types.ts';

export const THING = 'hub-1';

export interface SentMessage {
  topic: string;
  payload: string;
  retain: boolean;
}

/** A link in a test's hands. Operations are answered at once unless a test holds or fails them. */
export interface FakeLink extends Link {
  readonly options: ConnectOptions;
  readonly sent: SentMessage[];
  readonly filters: string[];
  /** With which quality of service each filter is subscribed to. */
  readonly qos: Record<string, 0 | 1>;
  readonly updates: ShadowUpdate[];
  deltasOpen: boolean;
  /** True until the link is down, from either side. */
  open: boolean;
  /** How the agent closed it: with its will, or silently; null while it did not. */
  closed: 'with will' | 'silently' | null;
  up(): void;
  fall(reason: DownReason, more?: { accuses: true }): void;
  receive(topic: string, payload: string, retained?: boolean): void;
  delta(view: ShadowView): void;
}

export type Operation = 'publish' | 'subscribe' | 'openDeltas' | 'readShadow' | 'updateShadow';

/** A cloud in memory: links by hand, the Shadow service of the virtual IoT Core behind them. */
export interface FakeTransport extends Transport {
  readonly links: FakeLink[];
  last(): FakeLink;
  /** Called before each operation: throw to fail it, return a promise to hold it. `detail` is the topic or filter. */
  before: (operation: Operation, detail: string, link: FakeLink) => void | Promise<void>;
  /** Called when the Shadow service has answered a read: return a promise to hold the answer on its way. */
  answering: () => void | Promise<void>;
  /** Called by `connect`; may throw as the SDK does for an unreadable certificate. */
  onConnect: (options: ConnectOptions) => void;
  document(): ShadowDocument | null;
  /** Writes as the cloud. */
  write(state: { desired?: unknown; reported?: unknown }): void;
}

const CODES = { 404: 'shadow_not_found', 409: 'shadow_conflict', 413: 'shadow_too_large', 429: 'shadow_throttled' } as const;

export function createFakeTransport(nowMs: () => number = () => 0): FakeTransport {
  const shadows = createShadowService({
    limits: AWS_LIMITS,
    nowMs,
    publish: () => {},
    nextUpdateFailure: () => null,
    losesNextResponse: () => false,
  });
  const links: FakeLink[] = [];

  function update(request: object): number {
    const result = shadows.update(THING, null, Buffer.from(JSON.stringify(request)));
    if (result.ok) return result.version;
    throw new HubError(CODES[result.code as keyof typeof CODES] ?? 'cloud_refused', `update: ${result.code}`);
  }

  const transport: FakeTransport = {
    links,
    last: () => links.at(-1)!,
    before: () => {},
    answering: () => {},
    onConnect: () => {},
    document: () => shadows.get(THING, null),
    write: (state) => void update({ state }),

    connect(options: ConnectOptions, handlers: LinkHandlers): FakeLink {
      transport.onConnect(options);
      const waiting = new Set<(error: HubError) => void>();
      function down(what: Down): void {
        if (!link.open) return;
        link.open = false;
        handlers.onDown(what);
        for (const reject of waiting) reject(new HubError('cloud_disconnected', 'the link fell'));
      }
      /** Waits for what the test does to the operation, at most until the link falls. */
      async function enter(operation: Operation, detail: string): Promise<void> {
        if (!link.open) throw new HubError('cloud_disconnected', `${operation}: the link is down`);
        let give: (error: HubError) => void = () => {};
        const fallen = new Promise<never>((_, reject) => {
          give = reject;
        });
        waiting.add(give);
        try {
          await Promise.race([Promise.resolve().then(() => transport.before(operation, detail, link)), fallen]);
        } finally {
          waiting.delete(give);
        }
      }
      const link: FakeLink = {
        options,
        sent: [],
        filters: [],
        qos: {},
        updates: [],
        deltasOpen: false,
        open: true,
        closed: null,
        up: () => handlers.onUp(),
        fall: (reason, more) => down({ reason, detail: 'by the test', ...more }),
        receive: (topic, payload, retained = false) => handlers.onMessage(topic, Buffer.from(payload), retained),
        delta: (view) => handlers.onDelta(view),
        async publish(topic, payload, { retain = false } = {}) {
          link.sent.push({ topic, payload, retain });
          await enter('publish', topic);
        },
        async subscribe(filter, qos = 1) {
          await enter('subscribe', filter);
          link.filters.push(filter);
          link.qos[filter] = qos;
        },
        async openDeltas() {
          await enter('openDeltas', '');
          link.deltasOpen = true;
        },
        async readShadow() {
          await enter('readShadow', '');
          const document = shadows.get(THING, null);
          await transport.answering();
          return {
            source: 'read',
            version: document?.version ?? 0,
            timestampSeconds: document?.timestamp ?? 0,
            desired: document?.state.desired ?? {},
            desiredMetadata: (document?.metadata.desired ?? {}) as Record<string, unknown>,
            reported: document?.state.reported ?? {},
            onlineWrittenSeconds: (document?.metadata.reported as { online?: { timestamp?: number } } | undefined)?.online?.timestamp ?? 0,
          };
        },
        async updateShadow({ desired, reported, version }) {
          link.updates.push({ ...(desired && { desired }), ...(reported && { reported }), ...(version !== undefined && { version }) });
          await enter('updateShadow', '');
          const state = { ...(desired && { desired }), ...(reported && { reported }) };
          return update({ state, ...(version !== undefined && { version }) });
        },
        async close({ silently = false } = {}) {
          link.closed ??= silently ? 'silently' : 'with will';
          down({ reason: 'local', detail: 'closed by the agent' });
        },
      };
      links.push(link);
      return link;
    },
  };
  return transport;
}
