import type { GuardedOperation } from '../../contract/cloud.ts';
import { presencePayload, presenceStateOf } from '../../contract/presence.ts';
import type { Topics } from '../../contract/topics.ts';
import { type Cancel, type MonotonicClock, sleep, type WallClock } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import { HubError, isHubError, messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import type { Quarantine } from '../connection/quarantine.ts';
import type { Link } from '../connection/transport.ts';

/** Two hubs with one identity would answer each other's offline for ever; this slows them to a trickle. */
const MIN_REBIRTH_INTERVAL_MS = 1_000;
/**
 * A session without a past gets nothing twice (MQTT 5, 4.4), so an acknowledgement of ours buys nothing. That of our own birth, which comes back,
 * is a message that AWS meters, and delays the first read of the shadow by 40 ms (Nagle).
 */
const PRESENCE_QOS = 0;
/** Pause after a birth that was not acknowledged. */
const REBIRTH_RETRY_MS = 5_000;

/**
 * A birth that the broker did not take is published again over the same link: a new session would cost the account more of what it is short of.
 * Ceiling of the first pause, doubled with each; between half and all of it is waited.
 */
const BIRTH_RETRY_MS = 2_000;
const MAX_BIRTHS = 6;

/** A link whose operations fail for want of a link is given this time to say why it fell. */
const FALL_MS = 1_000;

/** One MQTT session, from the CONNACK, or from when the agent is ready for it, to its end: subscriptions, birth, what comes in. */
export interface Session {
  readonly id: string;
  /** Monotonic time of its beginning: the CONNACK, or when the agent was ready for it. */
  readonly upAtMs: number;
  readonly link: Link;
  /** Resolves when the birth is acknowledged: the presence is in the cloud. Rejects when the link fell before. */
  readonly born: Promise<void>;
  message(topic: string, payload: Buffer, retained: boolean): void;
  /** Whether the subscription to the Jobs service stands. */
  hearsJobs(): boolean;
  /** Publishes the birth again; resolves when the cloud has acknowledged it, which proves the session. */
  confirm(): Promise<void>;
  /** Publishes `offline`, as the will would. */
  goodbye(): Promise<void>;
  /** The link is gone: no more timers. */
  end(): void;
}

/** What is subscribed to of the Jobs service, and who gets its messages. */
export interface JobsListener {
  filter: string;
  message(topic: string, payload: Buffer): void;
}

export interface SessionDeps {
  id: string;
  link: Link;
  topics: Topics;
  version: string;
  /** Listen for AWS IoT Commands as well. */
  executions: boolean;
  /** Listen to the Jobs service as well. */
  jobs?: JobsListener;
  quarantine: Quarantine;
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Pick<Entropy, 'unit'>;
  log: Log;
  /** The subscriptions stand and the birth is out: the shadow may be read now without missing a delta. */
  onReady(): void;
  /** The birth got no answer in time, and is published again: the shadow need not wait for it. Once in a session. */
  onBirthUnanswered(): void;
  onRequest(executionId: string, payload: Buffer): void;
  /** An `offline` about this hub was published: the shadow must be corrected. */
  onRebirth(): void;
}

/** The session of a link that has just come up; begins at once. */
export function createSession(deps: SessionDeps): Session {
  const { id, link, topics, quarantine, wallClock, clock, entropy, log } = deps;
  const upAtMs = clock.nowMs();
  let lastBirthMs = upAtMs;
  /** From the birth's sending to the goodbye: an offline that overtakes the birth's acknowledgement contradicts it, too. */
  let speaking = false;
  /** The goodbye is said; a session that is still opening then must not come with its birth after it. */
  let leaving = false;
  /** Aborts with the goodbye, and with the link. */
  const over = new AbortController();
  let cancelRebirth: Cancel | null = null;
  /** Since the last birth an `offline` was published. */
  let contradicted = false;
  let cancelEnding: Cancel | null = null;
  let ended = false;
  let jobsOpen = false;

  const payload = (state: 'online' | 'offline') => presencePayload({ state, session: id, at: wallClock.nowMs(), version: deps.version });

  /** A refused operation is left out, not fatal. */
  async function attempt(operation: GuardedOperation, run: () => Promise<void>): Promise<void> {
    try {
      await quarantine.guard(operation, run);
    } catch (error) {
      if (!isHubError(error, 'cloud_refused')) throw error;
      log.warn({ event: 'session_incomplete', session: id, operation, reason: messageOf(error) }, 'part of the session is missing');
      if (!ended) renewIn(quarantine.remainingMs(operation));
    }
  }

  /** What is missing is tried again in a session of its own, which then is complete from its beginning. */
  function renewIn(delayMs: number): void {
    cancelEnding ??= clock.schedule(delayMs, () => {
      log.info({ event: 'session_renewed', session: id }, 'a new session, to try again what the cloud refused');
      void link.close();
    });
  }

  async function birth(): Promise<void> {
    lastBirthMs = clock.nowMs();
    await attempt('presence_publish', () => link.publish(topics.presence, payload('online'), { retain: true }));
  }

  async function bear(): Promise<void> {
    for (let births = 1; ; births += 1) {
      try {
        return await birth();
      } catch (error) {
        if (!isHubError(error, 'cloud_timeout') || births === MAX_BIRTHS) throw error;
        log.info({ event: 'birth_not_taken', session: id, reason: messageOf(error) }, 'the birth is published again');
        if (births === 1) deps.onBirthUnanswered();
        await sleep(clock, BIRTH_RETRY_MS * 2 ** (births - 1) * (0.5 + entropy.unit() / 2), over.signal);
        if (ended) throw new HubError('cloud_disconnected', 'the link fell before the birth was taken');
        if (leaving) return;
      }
    }
  }

  async function openExecutions(): Promise<void> {
    await link.subscribe(topics.executionRequests);
    log.info({ event: 'executions_open', session: id }, 'listening for command executions');
  }

  async function openJobs(filter: string): Promise<void> {
    await link.subscribe(filter);
    jobsOpen = true;
    log.info({ event: 'jobs_open', session: id }, 'listening for jobs');
  }

  /** In one packet and one round trip. Once something is suspected, one after the other: when the link falls, what is under way is the suspect. */
  async function subscribe(): Promise<void> {
    const alone = quarantine.isSuspicious();
    const steps: [GuardedOperation, () => Promise<void>][] = [
      ['presence_subscribe', () => link.subscribe(topics.presence, PRESENCE_QOS)],
      ['deltas', () => link.openDeltas({ alone })],
    ];
    if (deps.executions) steps.push(['executions', openExecutions]);
    if (deps.jobs) steps.push(['jobs', () => openJobs(deps.jobs!.filter)]);
    if (!alone) await Promise.all(steps.map(([operation, run]) => attempt(operation, run)));
    else for (const [operation, run] of steps) await attempt(operation, run);
  }

  async function open(): Promise<void> {
    await subscribe();
    if (leaving) return;
    speaking = true;
    await bear();
    if (leaving) return;
    log.info({ event: 'cloud_online', session: id }, 'online');
    deps.onReady();
  }

  const born = open().catch((error: unknown) => {
    // Without its subscriptions a session is deaf: end it, the backoff bounds the loop.
    if (isHubError(error, 'cloud_disconnected')) {
      // The library rejects what was under way before it reports why the link fell: that reason decides what comes next.
      if (!ended) cancelEnding ??= clock.schedule(FALL_MS, () => void link.close());
    } else {
      log.warn({ event: 'session_failed', session: id, reason: messageOf(error) }, 'the session could not be opened');
      void link.close();
    }
    throw error;
  });
  // Not every caller waits for it.
  born.catch(() => {});

  async function rebirth(): Promise<void> {
    if (!speaking) return;
    const isOffline = contradicted;
    contradicted = false;
    if (isOffline) log.warn({ event: 'presence_contradicted', session: id }, 'a late offline arrived: the birth is published again');
    else log.warn({ event: 'presence_overwritten', session: id }, 'the presence was cleared or overwritten: the birth is published again');
    try {
      await birth();
    } catch (error) {
      log.warn({ event: 'rebirth_failed', session: id, reason: messageOf(error) }, 'the birth could not be published again');
      contradicted ||= isOffline;
      if (speaking) cancelRebirth ??= clock.schedule(REBIRTH_RETRY_MS, onRebirthDue);
    }
    // The shadow is corrected in any case: an offline may have been written there, too.
    if (speaking && isOffline) deps.onRebirth();
  }

  function onRebirthDue(): void {
    cancelRebirth = null;
    void rebirth();
  }

  return {
    id,
    upAtMs,
    link,
    born,

    message(topic, bytes, retained) {
      if (topic === topics.presence) {
        const state = presenceStateOf(bytes);
        if (retained || !speaking || state === 'online') return;
        contradicted ||= state === 'offline';
        if (cancelRebirth) return;
        cancelRebirth = clock.schedule(Math.max(0, lastBirthMs + MIN_REBIRTH_INTERVAL_MS - clock.nowMs()), onRebirthDue);
        return;
      }
      const executionId = topics.executionIdOf(topic);
      if (executionId !== null) deps.onRequest(executionId, bytes);
      else deps.jobs?.message(topic, bytes);
    },

    hearsJobs: () => jobsOpen,

    confirm: () => link.publish(topics.presence, payload('online'), { retain: true }),

    async goodbye() {
      leaving = true;
      over.abort();
      speaking = false;
      await link.publish(topics.presence, payload('offline'), { retain: true });
    },

    end() {
      ended = true;
      over.abort();
      speaking = false;
      cancelRebirth?.();
      cancelRebirth = null;
      cancelEnding?.();
    },
  };
}
