import type { Manifest } from '../release/manifest.ts';
import { committed, type Offer, type ReleaseHub, refusalOf } from '../release/refusal.ts';
import { FACTORY, type RefusalReason, type ReleaseEvent, type ReleasesState, type RollbackReason, type Verdict } from '../release/state.ts';

/** The starts and boots of a trial, as the launcher counts them. Each boot has its own starts. */
export interface Count {
  sequence: number;
  boots: number;
  starts: number;
  bootId: string;
  /** Seconds since boot when the trial was first started in that boot. */
  sinceSeconds: number;
}

/** A message, by its name. It is removed last, once it was dealt with. */
export type Message = 'request' | 'confirm' | 'rollback';

/** What is known when the updater decides. */
export interface Facts extends ReleaseHub {
  count: Count | 'damaged' | null;
  /** Whether the files of the trial can be started. */
  trialThere: boolean;
  bootId: string;
  uptimeSeconds: number;
  /** A trial that is not confirmed for so long in one boot is over. */
  trialSeconds: number;
  /** The attempt whose trial the launcher could not start in this boot; null: none. */
  refused: string | null;
  nowSeconds: number;
  /** From the agent, or from root with hubctl. */
  request: (Offer & { signature: string }) | null;
  /** What the trial says of itself. */
  confirm: { sequence: number; verdict: Verdict } | null;
  /** The sequence that root wants to leave. */
  rollback: number | null;
  /** Messages that are none: torn, or planted. */
  unreadable: readonly Message[];
}

/**
 * One step. `write`: the new state is made durable, then the message removed. `install`: the release's folder is built first; `started` is the
 * state when that works, `refused` the state for what went wrong. `drop`: a message that means nothing any more.
 */
export type Decision =
  | { type: 'write'; state: ReleasesState; done: Message | null }
  | { type: 'drop'; done: Message }
  | { type: 'install'; manifest: Manifest; signature: string; started: ReleasesState; refused(reason: RefusalReason): ReleasesState }
  | { type: 'rest' };

/** The launcher counts up to these, and then starts the committed release. `systemd/launch` has the same numbers. */
export const MAX_STARTS = 3;
export const MAX_BOOTS = 4;

/** The state with these changes, and with the event that made them. */
function changed({ state, nowSeconds }: Facts, event: Omit<ReleaseEvent, 'atSeconds'>, changes: Partial<ReleasesState>): ReleasesState {
  return { ...state, ...changes, history: [...state.history, { atSeconds: nowSeconds, ...event }] };
}

function rolledBack(facts: Facts, reason: RollbackReason): ReleasesState {
  const { sequence, attempt } = facts.state.trial!;
  const bad = [...facts.state.bad, { sequence, attempt }];
  return changed(facts, { what: 'rolled_back', sequence, attempt, reason }, { trial: null, bad });
}

/** Why the trial is over without a word of its own; null: it goes on. */
function overBecause({ state, factory, count, trialThere, refused, bootId, uptimeSeconds, trialSeconds }: Facts): RollbackReason | null {
  const { trial } = state;
  if (trial === null) return null;
  if (factory.sequence >= trial.sequence || trial.requiresSystem > factory.system) return 'superseded';
  if (!trialThere) return 'files_missing';
  if (count === 'damaged') return 'count_damaged';
  const own = count?.sequence === trial.sequence ? count : null;
  if (own && own.boots > MAX_BOOTS) return 'boots_used_up';
  if (own && own.starts > MAX_STARTS) return 'starts_used_up';
  // The start could not be counted, as on a full disk.
  if (refused === trial.attempt) return 'count_damaged';
  return own?.bootId === bootId && uptimeSeconds - own.sinceSeconds >= trialSeconds ? 'deadline' : null;
}

function onConfirm(facts: Facts, { sequence, verdict }: { sequence: number; verdict: Verdict }): Decision {
  const { trial, highest } = facts.state;
  if (trial?.sequence !== sequence) return { type: 'drop', done: 'confirm' };
  if (verdict !== 'healthy') return { type: 'write', state: rolledBack(facts, verdict), done: 'confirm' };
  const { attempt, requiresSystem } = trial;
  const state = changed(
    facts,
    { what: 'committed', sequence, attempt, reason: null },
    { current: { sequence, requiresSystem }, previous: committed(facts), trial: null, highest: Math.max(highest, sequence) },
  );
  return { type: 'write', state, done: 'confirm' };
}

function onRollback(facts: Facts, from: number): Decision {
  const { trial, current, previous } = facts.state;
  if (trial?.sequence === from) return { type: 'write', state: rolledBack(facts, 'asked'), done: 'rollback' };
  // Asked twice, as after a power cut, it is done once.
  if (trial !== null || current.sequence !== from || from === FACTORY.sequence) return { type: 'drop', done: 'rollback' };
  const event = { what: 'rolled_back', sequence: from, attempt: 'local', reason: 'asked' } as const;
  return { type: 'write', state: changed(facts, event, { current: previous, previous: FACTORY }), done: 'rollback' };
}

function onRequest(facts: Facts, request: NonNullable<Facts['request']>): Decision {
  const { trial } = facts.state;
  const { attempt, manifest, signature } = request;
  const sequence = manifest?.sequence ?? 0;
  // The power went after the trial was written down and before the request was removed.
  if (trial?.sequence === sequence && trial.attempt === attempt) return { type: 'drop', done: 'request' };
  const refused = (reason: RefusalReason) => changed(facts, { what: 'refused', sequence, attempt, reason }, {});
  const reason = refusalOf(facts, request);
  if (reason !== null || manifest === null) return { type: 'write', state: refused(reason ?? 'manifest_invalid'), done: 'request' };
  const next = { trial: { sequence, requiresSystem: manifest.requiresSystem, attempt } };
  const started = changed(facts, { what: 'trial', sequence, attempt, reason: null }, next);
  return { type: 'install', manifest, signature, started, refused };
}

/**
 * The next step of the updater. What was done is not done again when it is asked anew with the state that it left: the power may go between any
 * two steps, and inside each.
 */
export function decide(facts: Facts): Decision {
  const { request, confirm, rollback, unreadable } = facts;
  if (unreadable[0] !== undefined) return { type: 'drop', done: unreadable[0] };
  // Before the deadline: a trial that proved itself in time and was confirmed late is good.
  if (confirm !== null) return onConfirm(facts, confirm);
  const over = overBecause(facts);
  if (over !== null) return { type: 'write', state: rolledBack(facts, over), done: null };
  if (rollback !== null) return onRollback(facts, rollback);
  return request === null ? { type: 'rest' } : onRequest(facts, request);
}
