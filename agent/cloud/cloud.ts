import type { CloudFacts } from '../contract/cloud.ts';
import { presencePayload } from '../contract/presence.ts';
import type { LastCommand, ShadowView } from '../contract/shadow.ts';
import type { Topics } from '../contract/topics.ts';
import { type MonotonicClock, sleep, type WallClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { HubError, isHubError, messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import { within } from '../system/timeout.ts';
import { type ConnectionConfig, MIN_CONNECT_GAP_MS } from './connection/connection.ts';
import { createConnector } from './connection/connector.ts';
import { createQuarantine } from './connection/quarantine.ts';
import type { Link, Target, Transport } from './connection/transport.ts';
import { createReachability } from './session/reachability.ts';
import { createSession, type JobsListener, type Session } from './session/session.ts';
import type { ReportedIdentity, ReportedSections } from './shadow/reported-picture.ts';
import { createReporter, type ShadowWriter } from './shadow/reporter.ts';
import { createShadowReader } from './shadow/shadow-reader.ts';

/** A clean stop publishes `offline` within this time, or leaves it to the will. */
const GOODBYE_MS = 2_000;

/** Events for the rest of the agent. */
export interface CloudListeners {
  /** The session is up, its birth acknowledged, its subscriptions stand. */
  linkUp(): void;
  linkDown(): void;
  /** Another client has ended our session with its own, under our client id. */
  takenOver(): void;
  /** Every view of the shadow, read or delta. */
  view(view: ShadowView): void;
  /** An update of our own was accepted. */
  updated(version: number): void;
  request(executionId: string, payload: Buffer): void;
}

/** The hub's side of AWS IoT: connection, presence, shadow. */
export interface Cloud {
  /**
   * `processRestart`: only this process was started anew, not a whole site after a power cut: it connects at once. `ready`: what a session needs of
   * the rest of the agent. The connection is made meanwhile, and says and hears nothing before.
   */
  start(options?: { processRestart?: boolean; ready?: Promise<unknown> }): void;
  /** Publishes `offline`, reports `online: false`, disconnects; bounded in time. */
  stop(): Promise<void>;
  facts(): CloudFacts;
  /** False when the connection hangs beyond its own deadlines; a hub without a network is not stuck. */
  isProgressing(): boolean;
  /** Changes what is reported; `quiet`: with the next report, at the latest with the next heartbeat. */
  report(sections: Partial<ReportedSections>, options?: { quiet?: boolean }): void;
  readShadow(): Promise<ShadowView>;
  clearCommand(version: number, lastCommand: LastCommand | null): Promise<number>;
  reportCommand(lastCommand: LastCommand): Promise<void>;
  publish(topic: string, payload: string): Promise<void>;
  /** A request to the Jobs service. */
  publishJobs(topic: string, payload: string): Promise<void>;
  /** Resolves when a session that began after this call has its birth acknowledged. Drops the present session first when `fresh`. */
  reachable(signal: AbortSignal, options?: { fresh?: boolean }): Promise<void>;
  /** Ends the session, lets `run` connect with our client id instead, and connects again afterwards in any case. */
  withoutSession<T>(run: (target: Target) => Promise<T>): Promise<T>;
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
  /** Listen to the Jobs service as well. `up`: the session hears it. */
  jobs?: JobsListener & { up(): void };
  heartbeatMs: number;
  uptimeSeconds(): number;
  /** The clock is good enough to validate certificates. */
  clockTrusted(): boolean;
  listeners: CloudListeners;
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
}

export function createCloud(deps: CloudDeps): Cloud {
  const { topics, clock, wallClock, entropy, log, listeners } = deps;
  const { version } = deps.identity;
  const quarantine = createQuarantine({ clock, log });
  let session: Session | null = null;
  /** The rest of the agent is not ready; a link that came up already waits for it. */
  let holding = false;
  let waiting: (() => void) | null = null;
  let sessions = 0;
  let takeovers = 0;

  const reporter = createReporter({
    identity: deps.identity,
    uptimeSeconds: deps.uptimeSeconds,
    wallClock,
    clock,
    entropy,
    heartbeatMs: deps.heartbeatMs,
    log,
    requestRead: () => void readShadow().catch(() => {}),
    onUpdated(accepted) {
      reader.wrote(accepted);
      listeners.updated(accepted);
    },
  });

  const reader = createShadowReader({
    clock,
    entropy,
    onThrottled: (pauseMs) => reporter.throttled(pauseMs),
    async request() {
      const up = session?.link;
      if (!up) throw new HubError('cloud_disconnected', 'read the shadow: no link');
      const view = await quarantine.guard('shadow_read', () => up.readShadow());
      if (session?.link !== up) throw new HubError('cloud_disconnected', 'read the shadow: the link fell');
      return view;
    },
    // Every part that keeps a picture of the shadow sees the answer, not only the one that asked.
    onView(view) {
      reporter.known(view);
      listeners.view(view);
    },
  });

  const connector = createConnector({
    transport: deps.transport,
    targets: deps.targets,
    config: deps.connection,
    clientId: deps.clientId,
    keepAliveSeconds: deps.keepAliveSeconds,
    will: (id) => ({
      topic: topics.presence,
      payload: presencePayload({ state: 'offline', session: id, at: wallClock.nowMs(), version }),
    }),
    clockTrusted: deps.clockTrusted,
    clock,
    entropy,
    log,
    onUp(link, id) {
      if (!holding) return openSession(link, id);
      log.info({ event: 'cloud_held', session: id }, 'connected; the session opens when the local services are up');
      waiting = () => openSession(link, id);
    },
    onDown({ reason, accuses = false }) {
      // A packet that the server names is no less a reason than a link that breaks over it.
      quarantine.linkFell(accuses ? 'closed' : reason);
      if (reason === 'taken_over') {
        takeovers += 1;
        listeners.takenOver();
      }
      endSession();
    },
    onMessage: (topic, payload, retained) => session?.message(topic, payload, retained),
    onDelta(view) {
      if (!session) return;
      reader.heard(view.version);
      reporter.heard(view.version);
      listeners.view(view);
    },
  });

  const reachability = createReachability({ session: () => session, reconnectNow: connector.reconnectNow });
  const writerOf = (link: Link): ShadowWriter => ({
    updateShadow: (update) => quarantine.guard('shadow_update', () => link.updateShadow(update)),
  });

  function openSession(link: Link, id: string): void {
    sessions += 1;
    session = createSession({
      id,
      link,
      topics,
      version,
      executions: deps.executions,
      ...(deps.jobs && { jobs: deps.jobs }),
      quarantine,
      wallClock,
      clock,
      entropy,
      log,
      onReady() {
        reporter.attach(writerOf(link), id);
        listeners.linkUp();
        reachability.born();
        if (session?.hearsJobs()) deps.jobs?.up();
      },
      onBirthUnanswered: () => void reporter.announce(writerOf(link), id),
      onRequest: listeners.request,
      onRebirth: () => reporter.refresh(),
    });
  }

  function release(): void {
    holding = false;
    waiting?.();
    waiting = null;
  }

  function endSession(): void {
    waiting = null;
    if (!session) return;
    session.end();
    session = null;
    reader.reset();
    reporter.detach();
    listeners.linkDown();
  }

  function readShadow(): Promise<ShadowView> {
    return session ? reader.read() : Promise.reject(new HubError('cloud_disconnected', 'read the shadow: no link'));
  }

  /** Reports `offline` in both places while the link still stands. True when both took it: else the will has to say it. */
  async function goodbye(last: Session): Promise<boolean> {
    try {
      await last.goodbye();
      await reporter.goodbye(writerOf(last.link), last.id);
      log.info({ event: 'cloud_goodbye', session: last.id }, 'offline was published');
      return true;
    } catch (error) {
      log.warn({ event: 'goodbye_failed', reason: messageOf(error) }, 'offline could not be published; the will does it');
      return false;
    }
  }

  return {
    start({ ready, ...options } = {}) {
      holding = ready !== undefined;
      ready?.then(release, () => {});
      connector.start(options);
    },

    async stop() {
      const silently = session !== null && (await within(clock, GOODBYE_MS, goodbye(session), () => false));
      await connector.stop({ silently });
    },

    facts() {
      const { phase, waitReason, lastDown } = connector.state();
      const { host, port } = connector.target();
      return {
        endpoint: host,
        port,
        phase,
        waitReason,
        nextAttemptMs: connector.nextAttemptMs(),
        lastDown,
        takeovers,
        session: session?.id ?? null,
        sessionAgeMs: session ? Math.round(clock.nowMs() - session.upAtMs) : null,
        reconnectCount: Math.max(0, sessions - 1),
        leftOut: quarantine.list(),
        shadow: reporter.confirmation(),
      };
    },

    isProgressing: () => !connector.isStuck(),

    report: (sections, options) => reporter.set(sections, options),
    readShadow,
    clearCommand: (at, lastCommand) => reporter.clearCommand(at, lastCommand),
    reportCommand: (lastCommand) => reporter.reportCommand(lastCommand),

    async publish(topic, payload) {
      const up = session?.link;
      if (!up) throw new HubError('cloud_disconnected', `publish to ${topic}: no link`);
      const isResponse = topic.startsWith('$aws/');
      try {
        await quarantine.guard(isResponse ? 'response_publish' : 'result_publish', () => up.publish(topic, payload));
      } catch (error) {
        // What the policy never lets through must not hold up the answer in the shadow. An execution's answer has no other place: it waits.
        if (!isHubError(error, 'cloud_refused') || isResponse) throw error;
        log.warn({ event: 'publish_left_out', topic, reason: messageOf(error) }, 'a message was refused by the cloud');
      }
    },

    async publishJobs(topic, payload) {
      const up = session?.link;
      if (!up) throw new HubError('cloud_disconnected', `publish to ${topic}: no link`);
      await quarantine.guard('jobs_publish', () => up.publish(topic, payload));
    },

    async withoutSession(run) {
      await connector.stop();
      try {
        return await run(connector.target());
      } finally {
        // The guest's CONNECT counts for our client id.
        await sleep(clock, MIN_CONNECT_GAP_MS);
        connector.start({ processRestart: true });
      }
    },

    reachable: reachability.reachable,
  };
}
