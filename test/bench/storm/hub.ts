import { type Cloud, createCloud } from '../../../agent/cloud/cloud.ts';
import type { ConnectionConfig } from '../../../agent/cloud/connection/connection.ts';
import type { Link, LinkHandlers, Transport } from '../../../agent/cloud/connection/transport.ts';
import { createRetryPause } from '../../../agent/commands/retry.ts';
import { topicsOf } from '../../../agent/contract/topics.ts';
import type { MonotonicClock } from '../../../agent/system/clock.ts';
import { HubError } from '../../../agent/system/errors.ts';
import type { Log } from '../../../agent/system/log.ts';
import { type Random, randomUuid } from '../../support/random.ts';
import type { Account } from './account.ts';
import { ANSWER_MS, createResolver, HANDSHAKE_MS, UNSENT_MS } from './network.ts';
import { type Answer, readShadow, type Shadow, updateShadow } from './shadows.ts';

/** What the hubs of a fleet share. */
export interface Site {
  clock: MonotonicClock;
  /** Epoch milliseconds of the clock's zero. */
  epochMs: number;
  random: Random;
  account: Account;
  log: Log;
  connection: Omit<ConnectionConfig, 'targets'>;
  keepAliveSeconds: number;
  heartbeatMs: number;
  /** Whether the service's ports are open. */
  isReachable(): boolean;
  /** A will was published. */
  onWill(hub: Hub, session: string): void;
  onUnsent(): void;
  /** The reported state of this hub has changed, or its link. */
  onChange(hub: Hub): void;
}

/** One hub: the agent's own cloud part, and its Thing. */
export interface Hub {
  readonly shadow: Shadow;
  readonly cloud: Cloud;
  isConnected(): boolean;
  /** The reported state shows this session of the hub. */
  isShown(): boolean;
  /** The service ends the link. */
  reset(): void;
}

/** A SUBSCRIBE for the answers comes before the first read, and before the first update; they come with QoS 0. */
const ANSWER_SUBSCRIBES = 1;
export const identityOf = (index: number) => ({
  hubId: `hub-${index}`,
  serial: `SN-${index}`,
  model: 'HUB-1',
  vendorName: 'Example Locks',
  version: '1.0.0',
});

/** A hub whose process has just started, and what the cloud remembers of it. */
export function createHub(site: Site, index: number, shadow: Shadow): Hub {
  const { clock, random, account } = site;
  const identity = identityOf(index);
  const topics = topicsOf(identity.hubId);
  const resolves = createResolver();
  let current: { session: string; fall(): void } | null = null;

  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random.unit();
  const transport: Transport = {
    connect({ will }, handlers) {
      const { session } = JSON.parse(will.payload) as { session: string };
      return createLink(session, handlers);
    },
  };

  function createLink(session: string, handlers: LinkHandlers): Link {
    let open = true;
    let reads = false;
    let updates = false;
    const me = { session, fall };
    const waiting = new Set<() => void>();

    function end(reason: 'closed' | 'refused' | 'network' | 'local', unsent = false): void {
      if (!open) return;
      open = false;
      if (current === me) {
        current = null;
        site.onWill(hub, session);
      }
      handlers.onDown({ reason, detail: reason, ...(unsent && { unsent }) });
      for (const give of waiting) give();
      waiting.clear();
      site.onChange(hub);
    }
    function fall(): void {
      end('closed');
    }
    function later(delayMs: number, run: () => void): void {
      clock.schedule(delayMs, () => open && run());
    }
    /** A request: `work` happens at the service, half a round trip later. */
    function request<T>(work: () => T): Promise<T> {
      return new Promise((resolve, reject) => {
        const give = () => reject(new HubError('cloud_disconnected', 'the link fell'));
        if (!open) return give();
        waiting.add(give);
        const halfMs = between(ANSWER_MS) / 2;
        later(halfMs, () => {
          const done = work();
          later(halfMs, () => {
            waiting.delete(give);
            resolve(done);
          });
        });
      });
    }
    function check(what: string, answer: Answer): void {
      if (answer !== 'done') throw new HubError('shadow_throttled', `${what}: ${answer}`);
    }

    function connect(): void {
      if (!resolves(clock.nowMs())) {
        site.onUnsent();
        later(between(UNSENT_MS), () => end('network', true));
      } else if (!site.isReachable()) later(between(ANSWER_MS), () => end('network'));
      else
        later(between(HANDSHAKE_MS), () => {
          account.messages(1);
          const accepted = account.take('connects');
          later(between(ANSWER_MS), () => {
            if (!accepted) return end('refused');
            current = me;
            handlers.onUp();
            site.onChange(hub);
          });
        });
    }
    connect();
    /** A message to the hub, and its PUBACK where it comes with QoS 1. */
    let presenceCost = 0;

    return {
      async publish(topic, payload) {
        account.messages(1);
        const taken = await request(() => {
          if (!account.take('inbound')) return false;
          if (topic === topics.presence && account.take('rules')) account.rule();
          return true;
        });
        // MQTT 5, 2.4: quota exceeded, in the PUBACK.
        if (!taken) throw new HubError('cloud_timeout', 'publish: refused with 0x97');
        if (topic !== topics.presence) return;
        // The hub hears its own presence.
        account.messages(presenceCost);
        if (open) handlers.onMessage(topic, Buffer.from(payload), false);
      },
      async subscribe(filter, qos = 1) {
        account.messages(1);
        await request(() => {});
        if (filter !== topics.presence) return;
        presenceCost = 1 + qos;
        // The retained presence is replayed.
        account.messages(presenceCost);
      },
      async openDeltas() {
        account.messages(1);
        await request(() => {});
      },
      async readShadow() {
        account.messages(1 + (reads ? 0 : ANSWER_SUBSCRIBES));
        reads = true;
        const { answer, view } = await request(() => ({
          answer: readShadow(account, shadow),
          view: {
            version: shadow.version,
            reported: shadow.reported,
            timestampSeconds: Math.floor(wallClock.nowMs() / 1000),
            onlineWrittenSeconds: Math.floor(shadow.onlineAtMs / 1000),
          },
        }));
        if (answer !== 'dropped') account.messages(1);
        check('read', answer);
        return { source: 'read', desired: {}, desiredMetadata: {}, ...view };
      },
      async updateShadow({ reported }) {
        account.messages(1 + (updates ? 0 : ANSWER_SUBSCRIBES));
        updates = true;
        const { answer, version } = await request(() => {
          const taken = updateShadow(account, shadow, (reported ?? {}) as Record<string, unknown>, wallClock.nowMs());
          if (taken === 'done') site.onChange(hub);
          return { answer: taken, version: shadow.version };
        });
        if (answer !== 'dropped') account.messages(1);
        check('update', answer);
        return version;
      },
      async close() {
        end('local');
      },
    };
  }

  const entropy = { unit: random.unit, uuid: () => randomUuid(random), bytes: (length: number) => Buffer.from(random.bytes(length)) };
  const wallClock = { nowMs: () => site.epochMs + Math.floor(clock.nowMs()) };
  const pause = createRetryPause({ clock, entropy });
  let ended = new AbortController();

  /** The commands read the shadow of a new session until they have it. */
  async function readForCommands({ signal }: AbortController): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await cloud.readShadow();
        return;
      } catch {
        if (!signal.aborted) await pause(attempt, signal);
      }
    }
  }

  const cloud = createCloud({
    transport,
    targets: [{ host: 'iot.example.com', port: 8883 }],
    connection: site.connection,
    clientId: identity.hubId,
    keepAliveSeconds: site.keepAliveSeconds,
    topics,
    identity,
    executions: false,
    heartbeatMs: site.heartbeatMs,
    uptimeSeconds: () => clock.nowMs() / 1000,
    clockTrusted: () => true,
    listeners: {
      linkUp() {
        ended = new AbortController();
        void readForCommands(ended);
      },
      linkDown: () => ended.abort(),
      takenOver() {},
      view() {},
      updated() {},
      request() {},
    },
    wallClock,
    clock,
    entropy,
    log: site.log,
  });

  cloud.report({
    claim: { orgId: 'org-0123456789', siteId: 'site-0123456789', claimedBy: 'user-0123456789', claimedAt: site.epochMs },
    wifi: { ssid: 'Building 7', signalDbm: -50 },
    nodes: { total: 8, available: 8, scanComplete: true },
  });
  const hub: Hub = {
    shadow,
    cloud,
    isConnected: () => current !== null,
    isShown: () => current !== null && shadow.reported.online === true && shadow.reported.session === current.session,
    reset: () => current?.fall(),
  };
  return hub;
}
