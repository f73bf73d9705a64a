import type { LastCommand, ShadowView } from '../contract/shadow.ts';
import type { Topics } from '../contract/topics.ts';
import type { Cancel, MonotonicClock, WallClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { HubError, isHubError, messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { type ConnectionConfig, type ConnectionEvent, connectionStep, initialConnection } from './connection.ts';
import { presencePayload } from './presence.ts';
import { createQuarantine } from './quarantine.ts';
import { createReporter, type ReportedIdentity, type ReportedSections } from './reporter.ts';
import { createSession, type Session } from './session.ts';
import type { Link, LinkHandlers, Target, Transport } from './transport.ts';

/** A clean stop says goodbye within this time, or leaves it to the will. */
const GOODBYE_MS = 2_000;

/** What the rest of the agent is told. */
export interface CloudListeners {
  /** The session is up, its birth acknowledged, its subscriptions stand. */
  linkUp(): void;
  linkDown(): void;
  /** Every view of the shadow, read or delta. */
  view(view: ShadowView): void;
  /** An update of our own was accepted. */
  updated(version: number): void;
  request(executionId: string, payload: Buffer): void;
}

/** The state of the connection, for `server_info`, the log and local tools. */
export interface CloudFacts {
  endpoint: string;
  port: number;
  phase: 'stopped' | 'waiting' | 'connecting' | 'connected';
  /** `clock_unsynced`, `spread` or `backoff` while it waits. */
  waitReason: string | null;
  lastDown: string | null;
  session: string | null;
  sessionAgeMs: number | null;
  /** Sessions since start, less the first. */
  reconnectCount: number;
  /** Operations that the cloud refuses to this Thing. */
  leftOut: string[];
}

/** The hub's side of AWS IoT: connection, presence, shadow. */
export interface Cloud {
  start(): void;
  /** Publishes `offline`, reports `online: false`, disconnects; bounded in time. */
  stop(): Promise<void>;
  facts(): CloudFacts;
  /** Changes what is reported. */
  report(sections: Partial<ReportedSections>): void;
  readShadow(): Promise<ShadowView>;
  clearCommand(version: number, lastCommand: LastCommand | null): Promise<number>;
  reportCommand(lastCommand: LastCommand): Promise<void>;
  publish(topic: string, payload: string): Promise<void>;
  /** Resolves when a session that began after this call has its birth acknowledged. Drops the present session first when `fresh`. */
  reachable(signal: AbortSignal, options?: { fresh?: boolean }): Promise<void>;
}

export interface CloudDeps {
  transport: Transport;
  targets: readonly Target[];
  connection: Omit<ConnectionConfig, 'targets'>;
  clientId: string;
  keepAliveSeconds: number;
  topics: Topics;
  identity: ReportedIdentity;
  executions: boolean;
  heartbeatMs: number;
  uptimeSeconds(): number;
  /** The clock is good enough to judge certificates. */
  clockTrusted(): boolean;
  listeners: CloudListeners;
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
}

export function createCloud(deps: CloudDeps): Cloud {
  const { transport, targets, topics, clock, wallClock, entropy, log, listeners } = deps;
  const config: ConnectionConfig = { ...deps.connection, targets: targets.length };
  const quarantine = createQuarantine({ clock, log });
  let connection = initialConnection();
  let session: Session | null = null;
  let link: Link | null = null;
  /** Messages of an older link are not ours any more. */
  let generation = 0;
  let sessions = 0;
  let cancelTimer: Cancel | null = null;
  let reading: Promise<ShadowView> | null = null;
  let bornListeners: ((session: Session) => void)[] = [];

  const reporter = createReporter({
    identity: deps.identity,
    uptimeSeconds: deps.uptimeSeconds,
    wallClock,
    clock,
    heartbeatMs: deps.heartbeatMs,
    log,
    requestRead: () => void readShadow().catch(() => {}),
    onUpdated: listeners.updated,
  });

  function dispatch(event: ConnectionEvent): void {
    const before = connection;
    const step = connectionStep(config, connection, event, clock.nowMs(), entropy.unit());
    connection = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'connect') connect(targets[effect.target]!);
      else if (effect.type === 'close') closeLink();
      else {
        cancelTimer?.();
        cancelTimer = null;
        if (effect.type !== 'timer') continue;
        if (connection.phase === 'waiting') logWaiting(before.waitReason, effect.delayMs);
        cancelTimer = clock.schedule(effect.delayMs, () => dispatch({ type: 'timer', clockTrusted: deps.clockTrusted() }));
      }
    }
  }

  function logWaiting(before: string | null, delayMs: number): void {
    const { waitReason, failures, lastDown } = connection;
    if (waitReason === 'clock_unsynced' && before === 'clock_unsynced') return;
    log.info({ event: 'cloud_waiting', reason: waitReason, delayMs, failures, lastDown }, 'waiting before the next connect');
  }

  function connect(target: Target): void {
    generation += 1;
    const mine = generation;
    const id = entropy.uuid();
    const current = () => mine === generation;
    const will = presencePayload({ state: 'offline', session: id, at: wallClock.nowMs(), version: deps.identity.version });
    log.info({ event: 'cloud_connecting', host: target.host, port: target.port, session: id }, 'connecting');
    const handlers: LinkHandlers = {
      onUp: () => current() && onUp(id),
      onDown: (down) => {
        if (!current()) return;
        const level = down.reason === 'local' ? 'info' : 'warn';
        log[level]({ event: 'cloud_down', reason: down.reason, detail: down.detail, session: id }, 'link down');
        if (down.reason === 'kicked' || down.reason === 'closed') quarantine.linkFell();
        endSession();
        link = null;
        dispatch({ type: 'down', reason: down.reason });
      },
      onMessage: (topic, payload, retained) => current() && session?.message(topic, payload, retained),
      onDelta: (view) => current() && session && listeners.view(view),
      onUnreadable: (what) => log.warn({ event: 'message_unreadable', what }, 'a message could not be read'),
    };
    try {
      link = transport.connect(
        { target, clientId: deps.clientId, keepAliveSeconds: deps.keepAliveSeconds, will: { topic: topics.presence, payload: will } },
        handlers,
      );
    } catch (error) {
      // The SDK throws at once for a certificate or key that it cannot read.
      handlers.onDown({ reason: 'tls', detail: messageOf(error) });
    }
  }

  function onUp(id: string): void {
    dispatch({ type: 'up' });
    const up = link;
    if (!up) return;
    sessions += 1;
    const mine = createSession({
      id,
      link: up,
      topics,
      version: deps.identity.version,
      executions: deps.executions,
      quarantine,
      wallClock,
      clock,
      log,
      onReady() {
        reporter.attach({ updateShadow: (update) => quarantine.guard('shadow', () => up.updateShadow(update)) }, id);
        listeners.linkUp();
        for (const tell of bornListeners) tell(mine);
      },
      onRequest: listeners.request,
      onRebirth: () => reporter.refresh(),
    });
    session = mine;
  }

  function endSession(): void {
    if (!session) return;
    session.end();
    session = null;
    reading = null;
    reporter.detach();
    listeners.linkDown();
  }

  function closeLink(): void {
    generation += 1;
    const closing = link;
    link = null;
    endSession();
    void closing?.close();
  }

  /** Readers share one request. Whoever asked, all who keep a picture of the shadow see the answer. */
  function readShadow(): Promise<ShadowView> {
    const up = session?.link;
    if (!up) return Promise.reject(new HubError('cloud_disconnected', 'read the shadow: no link'));
    reading ??= quarantine
      .guard('shadow', () => up.readShadow())
      .then((view) => {
        reporter.known(view);
        listeners.view(view);
        return view;
      })
      .finally(() => {
        reading = null;
      });
    return reading;
  }

  return {
    start: () => dispatch({ type: 'start', clockTrusted: deps.clockTrusted() }),

    async stop() {
      const last = session;
      const bound = new AbortController();
      const cancel = clock.schedule(GOODBYE_MS, () => bound.abort());
      const goodbye = async () => {
        if (!last) return;
        await last.goodbye();
        await reporter.goodbye();
        log.info({ event: 'cloud_goodbye', session: last.id }, 'said goodbye');
      };
      const bounded = new Promise<void>((resolve) => bound.signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([
        goodbye().catch((error: unknown) => log.warn({ event: 'goodbye_failed', reason: messageOf(error) }, 'left to the will')),
        bounded,
      ]);
      cancel();
      const closing = link;
      dispatch({ type: 'stop' });
      await closing?.close();
    },

    facts() {
      const target = targets[connection.target] ?? targets[0]!;
      return {
        endpoint: target.host,
        port: target.port,
        phase: connection.phase,
        waitReason: connection.waitReason,
        lastDown: connection.lastDown,
        session: session?.id ?? null,
        sessionAgeMs: session ? Math.round(clock.nowMs() - session.upAtMs) : null,
        reconnectCount: Math.max(0, sessions - 1),
        leftOut: quarantine.list(),
      };
    },

    report: (sections) => reporter.set(sections),
    readShadow,
    clearCommand: (version, lastCommand) => reporter.clearCommand(version, lastCommand),
    reportCommand: (lastCommand) => reporter.reportCommand(lastCommand),

    async publish(topic, payload) {
      const up = session?.link;
      if (!up) throw new HubError('cloud_disconnected', `publish to ${topic}: no link`);
      try {
        await quarantine.guard('result_publish', () => up.publish(topic, payload));
      } catch (error) {
        // What the policy never lets through must not hold up the answer in the shadow.
        if (!isHubError(error, 'cloud_refused')) throw error;
        log.warn({ event: 'publish_left_out', topic, reason: messageOf(error) }, 'a message was refused by the cloud');
      }
    },

    reachable(signal, { fresh = false } = {}) {
      return new Promise((resolve, reject) => {
        const done = () => {
          bornListeners = bornListeners.filter((listener) => listener !== onBorn);
          signal.removeEventListener('abort', onAbort);
        };
        const onBorn = () => {
          done();
          resolve();
        };
        const onAbort = () => {
          done();
          reject(new HubError('aborted', 'the cloud was not reached in time', { cause: signal.reason }));
        };
        if (signal.aborted) return onAbort();
        const now = session;
        if (now && !fresh) {
          // The session may be dead without anybody knowing yet: an acknowledged publish tells.
          now.link
            .publish(
              topics.presence,
              presencePayload({ state: 'online', session: now.id, at: wallClock.nowMs(), version: deps.identity.version }),
              { retain: true },
            )
            .then(onBorn, () => dispatch({ type: 'hurry', clockTrusted: deps.clockTrusted() }));
        } else dispatch({ type: 'hurry', clockTrusted: deps.clockTrusted() });
        bornListeners.push(onBorn);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
