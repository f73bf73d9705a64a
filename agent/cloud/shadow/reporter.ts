import type { ShadowConfirmation } from '../../contract/cloud.ts';
import type { LastCommand, ShadowUpdate, ShadowView } from '../../contract/shadow.ts';
import type { Cancel, MonotonicClock, WallClock } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import { HubError, messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import { reportStep } from './report-machine.ts';
import { dueMs, initialReport, type Job, type ReportEffect, type ReportEvent } from './report-state.ts';
import type { ReportedIdentity, ReportedSections } from './reported-picture.ts';

/** The way to the Shadow service while a link stands. */
export interface ShadowWriter {
  updateShadow(update: ShadowUpdate): Promise<number>;
}

/**
 * Keeps the reported state true with few messages: it sends what differs from what the Shadow service last acknowledged, one update at a
 * time. When the outcome of an update is unknown, it has the shadow read again instead of guessing. Drives the report machine.
 */
export interface Reporter {
  /** The link is up: asks for the shadow, and reports once it has been read (`known`); says `online` without it where that takes long. */
  attach(writer: ShadowWriter, session: string): void;
  /** Says `online` over the link of a session that is not attached yet, once. What fails here, the first report says again. Never rejects. */
  announce(link: ShadowWriter, session: string): Promise<void>;
  detach(): void;
  /** The shadow as it was just read. */
  known(view: ShadowView): void;
  /** A read was refused because the account is at its limit; it is tried again in so many milliseconds. */
  throttled(pauseMs: number): void;
  /** A delta named this version. */
  heard(version: number): void;
  /**
   * Changes sections; sent within a second, together. A section that is set to undefined is taken out of the reported state. `quiet`: the change
   * waits for the next report, at most a heartbeat.
   */
  set(sections: Partial<ReportedSections>, options?: { quiet?: boolean }): void;
  /** Sends even if nothing seems to have changed: another writer may have changed our `online`. */
  refresh(): void;
  /** Reports a command's state at once; resolves when acknowledged, or when the shadow shows it already. */
  reportCommand(lastCommand: LastCommand): Promise<void>;
  /** Clears the command in `desired`, conditional on the version, with what is said of it (null: nothing). Resolves with the new version. */
  clearCommand(version: number, lastCommand: LastCommand | null): Promise<number>;
  /** Reports `online: false` over the link of this session, attached or not yet; resolves when acknowledged. */
  goodbye(link: ShadowWriter, session: string): Promise<void>;
  confirmation(): ShadowConfirmation;
}

export interface ReporterDeps {
  identity: ReportedIdentity;
  uptimeSeconds(): number;
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Pick<Entropy, 'unit'>;
  /** `lastSeen` and `uptimeSeconds` are refreshed at least so often. */
  heartbeatMs: number;
  log: Log;
  /** Asks for a fresh read of the shadow, which ends in `known`. */
  requestRead(): void;
  /** An update was accepted with this version. */
  onUpdated(version: number): void;
}

interface Waiter {
  resolve(version: number): void;
  reject(error: HubError): void;
}

/** Omit that keeps the members of a union apart. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

export function createReporter(deps: ReporterDeps): Reporter {
  const { identity, heartbeatMs, clock, wallClock, entropy, log } = deps;
  const config = { identity, heartbeatMs };
  let state = initialReport();
  let writer: ShadowWriter | null = null;
  let cancelTimer: Cancel = () => {};
  let lastJob = 0;
  const jobs = new Map<number, Waiter>();
  let farewell: Waiter | null = null;

  const now = () => ({ nowMs: clock.nowMs(), wallMs: wallClock.nowMs(), uptimeSeconds: deps.uptimeSeconds(), random: entropy.unit() });

  /** Presence alone, which needs no picture of the shadow. */
  const bare = (online: boolean, session: string): ShadowUpdate => ({ reported: { online, session, lastSeen: wallClock.nowMs() } });

  function dispatch(event: ReportEvent): void {
    const step = reportStep(config, state, event, now());
    state = step.state;
    cancelTimer();
    const due = dueMs(state);
    cancelTimer = due === null ? () => {} : clock.schedule(Math.max(0, due - clock.nowMs()), () => dispatch({ type: 'tick' }));
    for (const effect of step.effects) carryOut(effect);
  }

  function carryOut(effect: ReportEffect): void {
    if (effect.type === 'send') void send(effect.op, effect.update);
    else if (effect.type === 'read') deps.requestRead();
    else if (effect.type === 'accepted') deps.onUpdated(effect.version);
    else if (effect.type === 'log') {
      const { event, reason } = effect;
      log[event === 'greeting_failed' ? 'debug' : 'warn']({ event, reason }, TEXTS[event]);
    } else {
      const waiter = effect.type === 'settle' ? jobs.get(effect.job) : farewell;
      if (effect.type === 'settle') jobs.delete(effect.job);
      else farewell = null;
      if (effect.error) waiter?.reject(effect.error);
      else waiter?.resolve(effect.type === 'settle' ? (effect.version ?? 0) : 0);
    }
  }

  async function send(op: number, update: ShadowUpdate): Promise<void> {
    let version: number;
    try {
      if (!writer) throw new HubError('cloud_disconnected', 'shadow update: no link');
      version = await writer.updateShadow(update);
    } catch (error) {
      dispatch({ type: 'failed', op, error: error instanceof HubError ? error : new HubError('internal', messageOf(error)) });
      return;
    }
    dispatch({ type: 'answered', op, version });
  }

  function job(what: Unnumbered<Job>): Promise<number> {
    const id = ++lastJob;
    return new Promise((resolve, reject) => {
      jobs.set(id, { resolve, reject });
      dispatch({ type: 'job', job: { ...what, id } });
    });
  }

  return {
    attach(link, session) {
      writer = link;
      dispatch({ type: 'attach', session });
    },

    async announce(link, session) {
      try {
        await link.updateShadow(bare(true, session));
      } catch (error) {
        carryOut({ type: 'log', event: 'greeting_failed', reason: messageOf(error) });
      }
    },

    detach() {
      writer = null;
      dispatch({ type: 'detach' });
    },

    known({ reported, desired, version, timestampSeconds, onlineWrittenSeconds = 0 }) {
      if (reported === null) return;
      const onlineAgeSeconds = onlineWrittenSeconds > 0 ? timestampSeconds - onlineWrittenSeconds : null;
      dispatch({ type: 'view', reported, version, bytes: Buffer.byteLength(JSON.stringify({ desired, reported })), onlineAgeSeconds });
    },

    throttled: (pauseMs) => dispatch({ type: 'throttled', pauseMs }),
    heard: (version) => dispatch({ type: 'heard', version }),
    set: (sections, { quiet = false } = {}) => dispatch({ type: 'set', sections, quiet }),
    refresh: () => dispatch({ type: 'refresh' }),

    async reportCommand(lastCommand) {
      await job({ type: 'report', lastCommand });
    },

    clearCommand: (version, lastCommand) => job({ type: 'clear', version, lastCommand }),

    async goodbye(link, session) {
      // A session that is still opening is not attached yet, and this update needs no more than its link.
      if (!writer) await link.updateShadow(bare(false, session));
      else
        await new Promise<number>((resolve, reject) => {
          farewell = { resolve, reject };
          dispatch({ type: 'goodbye' });
        });
    },

    confirmation() {
      const { confirmedAtMs, unconfirmedSinceMs, lastFailure } = state;
      const unconfirmedMs = unconfirmedSinceMs === null ? null : Math.round(clock.nowMs() - unconfirmedSinceMs);
      return { confirmedAt: confirmedAtMs, unconfirmedMs, lastFailure };
    },
  };
}

const TEXTS = {
  report_failed: 'the reported state was not taken',
  greeting_failed: 'the first word to the shadow was not taken',
  shadow_changed_by_others: 'another writer has changed the shadow: it is read again',
} as const;
