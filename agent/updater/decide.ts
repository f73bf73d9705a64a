import type { Manifest } from '../release/manifest.ts';
import {
  FACTORY,
  type Installed,
  type RefusalReason,
  type ReleaseEvent,
  type ReleasesState,
  type RollbackReason,
  type Verdict,
} from '../release/state.ts';

/** The starts and boots of a trial, as the launcher counts them. Each boot has its own starts. */
export interface Count {
  sequence: number;
  boots: number;
  starts: number;
  bootId: string;
  /** Seconds since boot when the trial was first started in that boot. */
  sinceSeconds: number;
}

/** What the agent, or root with hubctl, asked for. `signed`: by a key that this hub trusts. */
export interface Request {
  attempt: string;
  manifest: Manifest | null;
  signed: boolean;
}

/** What is known when the updater decides. */
export interface Facts {
  state: ReleasesState;
  /** The release of the Debian package, and the system contract that the package brings. */
  factory: { sequence: number; system: number };
  arch: string;
  /** Null: the hub has no readable identity. */
  model: string | null;
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
  request: Request | 'invalid' | null;
  /** What the trial says of itself. */
  confirm: { sequence: number; verdict: Verdict } | 'invalid' | null;
  /** The sequence that root wants to leave. */
  rollback: number | 'invalid' | null;
}

/** A message that was dealt with, and is to be removed last. */
export type Done = 'request' | 'confirm' | 'rollback';

/**
 * One step. `write`: the new state is made durable, then the message removed. `install`: the release's folder is built first; `started` is the
 * state when that works, `refused` the state for what went wrong. `drop`: a message that means nothing any more.
 */
export type Decision =
  | { type: 'write'; state: ReleasesState; done: Done | null }
  | { type: 'drop'; done: Done }
  | { type: 'install'; manifest: Manifest; started: ReleasesState; refused(reason: RefusalReason): ReleasesState }
  | { type: 'rest' };

/** The launcher counts up to these, and then starts the committed release. `systemd/launch` has the same numbers. */
export const MAX_STARTS = 3;
export const MAX_BOOTS = 4;
/** So often is one release tried, by all attempts together. */
const MAX_TRIALS = 3;

const noted = (state: ReleasesState, event: ReleaseEvent): ReleasesState => ({ ...state, history: [...state.history, event] });

function rolledBack(facts: Facts, reason: RollbackReason): ReleasesState {
  const { sequence, attempt } = facts.state.trial!;
  const state = { ...facts.state, trial: null, bad: [...facts.state.bad, { sequence, attempt }] };
  return noted(state, { atSeconds: facts.nowSeconds, what: 'rolled_back', sequence, attempt, reason });
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

/** What runs while there is no trial: a package that is newer, or whose contract is older than the release needs, wins. */
export function committed({ state, factory }: Pick<Facts, 'state' | 'factory'>): Installed {
  const { current } = state;
  return current.sequence > factory.sequence && current.requiresSystem <= factory.system ? current : FACTORY;
}

function onConfirm(facts: Facts, { sequence, verdict }: { sequence: number; verdict: Verdict }): Decision {
  const { state, nowSeconds } = facts;
  const { trial } = state;
  if (trial?.sequence !== sequence) return { type: 'drop', done: 'confirm' };
  if (verdict !== 'healthy') return { type: 'write', state: rolledBack(facts, verdict), done: 'confirm' };
  const current = { sequence, requiresSystem: trial.requiresSystem };
  const after = { ...state, current, previous: committed(facts), trial: null, highest: Math.max(state.highest, sequence) };
  const event = { atSeconds: nowSeconds, what: 'committed' as const, sequence, attempt: trial.attempt, reason: null };
  return { type: 'write', state: noted(after, event), done: 'confirm' };
}

function onRollback(facts: Facts, from: number): Decision {
  const { state, nowSeconds } = facts;
  if (state.trial?.sequence === from) return { type: 'write', state: rolledBack(facts, 'asked'), done: 'rollback' };
  const { current, previous } = state;
  // Asked twice, as after a power cut, it is done once.
  if (state.trial !== null || current.sequence !== from || from === FACTORY.sequence) return { type: 'drop', done: 'rollback' };
  const event = { atSeconds: nowSeconds, what: 'rolled_back' as const, sequence: from, attempt: 'local', reason: 'asked' as const };
  return { type: 'write', state: noted({ ...state, current: previous, previous: FACTORY }, event), done: 'rollback' };
}

function refusalOf(facts: Facts, { attempt, manifest, signed }: Request): RefusalReason | null {
  const { state, factory } = facts;
  if (manifest === null) return 'manifest_invalid';
  if (!signed) return 'bad_signature';
  const { sequence, arch, models, requiresSystem, minimumFrom = 0 } = manifest;
  if (arch !== facts.arch) return 'wrong_arch';
  if (models.length > 0 && (facts.model === null || !models.includes(facts.model))) return 'wrong_model';
  if (requiresSystem > factory.system) return 'system_too_old';
  if (sequence <= Math.max(state.highest, state.current.sequence, factory.sequence)) return 'older_sequence';
  if (Math.max(committed(facts).sequence, factory.sequence) < minimumFrom) return 'from_too_old';
  const tried = state.bad.filter((each) => each.sequence === sequence);
  if (tried.length >= MAX_TRIALS || tried.some((each) => each.attempt === attempt)) return 'rolled_back_before';
  return state.trial === null ? null : 'update_running';
}

function onRequest(facts: Facts, request: Request): Decision {
  const { state, nowSeconds } = facts;
  const { attempt, manifest } = request;
  const sequence = manifest?.sequence ?? 0;
  // The power went after the trial was written down and before the request was removed.
  if (state.trial?.sequence === sequence && state.trial.attempt === attempt) return { type: 'drop', done: 'request' };
  const refused = (reason: RefusalReason) => noted(state, { atSeconds: nowSeconds, what: 'refused', sequence, attempt, reason });
  const reason = refusalOf(facts, request);
  if (reason !== null || manifest === null) return { type: 'write', state: refused(reason ?? 'manifest_invalid'), done: 'request' };
  const trial = { sequence, requiresSystem: manifest.requiresSystem, attempt };
  const started = noted({ ...state, trial }, { atSeconds: nowSeconds, what: 'trial', sequence, attempt, reason: null });
  return { type: 'install', manifest, started, refused };
}

/**
 * The next step of the updater. What was done is not done again when it is asked anew with the state that it left: the power may go between any
 * two steps, and inside each.
 */
export function decide(facts: Facts): Decision {
  const { state, request, confirm, rollback } = facts;
  // Before the deadline: a trial that proved itself in time and was confirmed late is good.
  if (confirm !== null) return confirm === 'invalid' ? { type: 'drop', done: 'confirm' } : onConfirm(facts, confirm);
  const over = overBecause(facts);
  if (over !== null) return { type: 'write', state: rolledBack(facts, over), done: null };
  if (rollback !== null) return rollback === 'invalid' ? { type: 'drop', done: 'rollback' } : onRollback(facts, rollback);
  if (request === 'invalid') {
    const event = { atSeconds: facts.nowSeconds, what: 'refused' as const, sequence: 0, attempt: '-', reason: 'request_invalid' as const };
    return { type: 'write', state: noted(state, event), done: 'request' };
  }
  return request === null ? { type: 'rest' } : onRequest(facts, request);
}
