import type { CommandOutcome } from '../contract/command.ts';

/**
 * The life of commands as a pure machine: `(state, event) → (state, effects)`. Its promise: whatever the network and the Shadow service
 * lose, repeat, delay or reorder, and wherever the process dies, a command runs once (read-only ones at least once) and is always answered.
 *
 *   seen ──(gone from `desired`)──▶ taken ──(executed)──▶ finished ──(acknowledged)──▶ delivered
 *     └──────────────(refused, expired: the outcome is known before)──────▲
 *
 * A command is executed only after it is gone from `desired`: credentials are cleared first, work comes second.
 */
export type Stage = 'seen' | 'taken' | 'finished' | 'delivered';

/** Where a command came from, and so how it is taken and answered. */
export type IntakeName = 'shadow' | 'executions';

/** One command in the journal. */
export interface Entry {
  id: string;
  intake: IntakeName;
  command: string;
  stage: Stage;
  /** May run again after a crash (it only reads). */
  repeatable: boolean;
  /** Validated args; null when they are not known (any more). Written to the journal only for repeatable commands: others may hold credentials. */
  args: object | null;
  /** Epoch milliseconds. */
  receivedAt: number;
  finishedAt: number | null;
  /** Known from `finished` on, or earlier for what is refused. Dropped once delivered. */
  outcome: CommandOutcome | null;
}

/** What stands in an intake, already judged: a pure function of the message, made before the machine sees it. */
export interface Candidate {
  id: string;
  command: string;
  receivedAt: number;
  /** `accept`, or the outcome that refuses it without running it. */
  verdict: { accept: true; repeatable: boolean; args: object } | { accept: false; outcome: CommandOutcome };
}

export interface CommandsState {
  link: 'down' | 'up';
  /** The newest shadow version whose `desired` we know. */
  viewVersion: number;
  /** The version known when the read in flight was asked for; null when none is. */
  reading: number | null;
  /** The command whose conditional clear is in flight. */
  clearing: string | null;
  /** In order of arrival. */
  entries: readonly Entry[];
}

export type CommandsEvent =
  | { type: 'linkUp' }
  | { type: 'linkDown' }
  /** The answer to `readShadow`. `inProgress`: what the reported `lastCommand` shows as IN_PROGRESS. */
  | { type: 'shadowRead'; version: number; candidate: Candidate | null; inProgress: InProgress | null }
  | { type: 'readFailed' }
  | { type: 'delta'; version: number; candidate: Candidate | null }
  /** One of our own updates was accepted; `cleared` names the command that it cleared. */
  | { type: 'updated'; version: number; cleared: string | null }
  /** The clear was not done (`conflict`), or nobody knows (`uncertain`). */
  | { type: 'clearFailed'; id: string; reason: 'conflict' | 'uncertain' }
  /** A request of an intake with ids of its own. */
  | { type: 'requested'; candidate: Candidate }
  | { type: 'executed'; id: string; outcome: CommandOutcome; at: number }
  | { type: 'delivered'; id: string }
  /** The journal could not be written: nothing that needs it may run. */
  | { type: 'unjournaled'; id: string; outcome: CommandOutcome; at: number };

export interface InProgress {
  id: string;
  command: string;
  receivedAt: number;
}

/** Effects are carried out in order; `persist` is a barrier: what follows waits until it is durable. */
export type CommandsEffect =
  | { type: 'persist'; id: string }
  | { type: 'readShadow'; retry: boolean }
  | { type: 'clear'; id: string; version: number }
  | { type: 'execute'; id: string }
  | { type: 'deliver'; id: string };

export interface Step {
  state: CommandsState;
  effects: CommandsEffect[];
}

/** Commands that wait for another to end; one more is refused as `busy` (contract, "Commands"). */
export const MAX_WAITING = 16;
/** Delivered commands remembered against re-delivery. A shadow's view and its version already rule it out; this is the second fence. */
export const MAX_REMEMBERED = 64;

/** The start: entries as the journal had them. */
export function restore(entries: readonly Entry[]): CommandsState {
  return { link: 'down', viewVersion: 0, reading: null, clearing: null, entries };
}

/** The outcome of a command that may not run again after its process died. */
export function interrupted(): CommandOutcome {
  return {
    status: 'FAILED',
    error: { code: 'interrupted', message: 'The hub restarted while the command was running; send it again if it is still wanted.' },
  };
}

const busy: CommandOutcome = {
  status: 'REJECTED',
  error: { code: 'busy', message: 'Too many commands are waiting on this hub; send it again later.' },
};

/** What to do right after start, before any connection: run again or answer what the last process left behind. */
export function recover(state: CommandsState, at: number): Step {
  const effects: CommandsEffect[] = [];
  const entries = state.entries.map((entry) => {
    if (entry.stage !== 'taken') return entry;
    effects.push(entry.repeatable ? { type: 'execute', id: entry.id } : { type: 'persist', id: entry.id });
    return entry.repeatable ? entry : { ...entry, stage: 'finished' as const, outcome: interrupted(), finishedAt: at };
  });
  return { state: { ...state, entries }, effects };
}

/** One step of the machine. */
export function step(state: CommandsState, event: CommandsEvent): Step {
  switch (event.type) {
    case 'linkUp':
      return {
        state: { ...state, link: 'up', clearing: null, reading: state.viewVersion },
        effects: [{ type: 'readShadow', retry: false }, ...undelivered(state)],
      };
    case 'linkDown':
      return { state: { ...state, link: 'down', clearing: null, reading: null }, effects: [] };
    case 'shadowRead':
      return onRead(state, event.version, event.candidate, event.inProgress);
    case 'readFailed':
      if (state.link === 'down') return { state, effects: [] };
      return { state: { ...state, reading: state.viewVersion }, effects: [{ type: 'readShadow', retry: true }] };
    case 'delta':
      if (event.version < state.viewVersion || event.candidate === null) return { state, effects: [] };
      return onStanding({ ...state, viewVersion: event.version }, event.candidate);
    case 'updated':
      return onUpdated(state, event.version, event.cleared);
    case 'clearFailed': {
      if (state.clearing !== event.id) return { state, effects: [] };
      return reread({ ...state, clearing: null }, event.reason === 'uncertain');
    }
    case 'requested':
      return onRequested(state, event.candidate);
    case 'executed':
      return onExecuted(state, event.id, event.outcome, event.at);
    case 'delivered': {
      const next = amend(state, event.id, (entry) => ({ ...entry, stage: 'delivered', outcome: null, args: null }));
      return { state: forget(next), effects: [{ type: 'persist', id: event.id }] };
    }
    case 'unjournaled':
      return {
        state: amend(state, event.id, (entry) => ({ ...entry, outcome: event.outcome, finishedAt: event.at, args: null })),
        effects: [],
      };
  }
}

function undelivered(state: CommandsState): CommandsEffect[] {
  return state.entries.filter((entry) => entry.stage === 'finished').map((entry) => ({ type: 'deliver', id: entry.id }));
}

function reread(state: CommandsState, retry: boolean): Step {
  if (state.link === 'down' || state.reading !== null) return { state, effects: [] };
  return { state: { ...state, reading: state.viewVersion }, effects: [{ type: 'readShadow', retry }] };
}

function find(state: CommandsState, id: string): Entry | undefined {
  return state.entries.find((entry) => entry.id === id);
}

function amend(state: CommandsState, id: string, change: (entry: Entry) => Entry): CommandsState {
  return { ...state, entries: state.entries.map((entry) => (entry.id === id ? change(entry) : entry)) };
}

function forget(state: CommandsState): CommandsState {
  let surplus = state.entries.filter((entry) => entry.stage === 'delivered').length - MAX_REMEMBERED;
  return { ...state, entries: state.entries.filter((entry) => entry.stage !== 'delivered' || surplus-- <= 0) };
}

function admit(state: CommandsState, candidate: Candidate, intake: IntakeName): { state: CommandsState; entry: Entry } {
  const { verdict } = candidate;
  const active = state.entries.filter((entry) => entry.stage === 'taken' || (entry.stage === 'seen' && entry.outcome === null));
  // One of each name runs: every command has a resource of its own.
  const names = new Set(active.map((entry) => entry.command));
  const full = names.has(candidate.command) && active.length - names.size >= MAX_WAITING;
  const outcome = verdict.accept ? (full ? busy : null) : verdict.outcome;
  const entry: Entry = {
    id: candidate.id,
    intake,
    command: candidate.command,
    stage: 'seen',
    repeatable: verdict.accept && verdict.repeatable,
    args: verdict.accept && outcome === null ? verdict.args : null,
    receivedAt: candidate.receivedAt,
    finishedAt: outcome === null ? null : candidate.receivedAt,
    outcome,
  };
  return { state: { ...state, entries: [...state.entries, entry] }, entry };
}

/** A fresh view shows this command in `desired`: make sure it is journaled, then have it cleared. */
function onStanding(state: CommandsState, candidate: Candidate): Step {
  const known = find(state, candidate.id);
  if (known) {
    const refreshed =
      known.stage === 'seen' && known.outcome === null ? amend(state, known.id, (entry) => rejudge(entry, candidate)) : state;
    return startClear(refreshed, candidate.id, []);
  }
  const admitted = admit(state, candidate, 'shadow');
  return startClear(admitted.state, candidate.id, [{ type: 'persist', id: candidate.id }]);
}

/** After a restart, or a long time without a link: the args are known again only from `desired`, and the command may have expired. */
function rejudge(entry: Entry, { verdict, receivedAt }: Candidate): Entry {
  return verdict.accept ? { ...entry, args: verdict.args } : { ...entry, outcome: verdict.outcome, finishedAt: receivedAt, args: null };
}

function startClear(state: CommandsState, id: string, before: CommandsEffect[]): Step {
  if (state.link === 'down' || state.clearing !== null) return { state, effects: before };
  return { state: { ...state, clearing: id }, effects: [...before, { type: 'clear', id, version: state.viewVersion }] };
}

function onRead(state: CommandsState, version: number, candidate: Candidate | null, inProgress: InProgress | null): Step {
  if (state.reading === null) return { state, effects: [] };
  // Older than what we knew when we asked: the shadow was made anew. Older than what came since: the answer is stale, ask again.
  const stale = version >= state.reading && version < state.viewVersion;
  let next: CommandsState = { ...state, reading: null };
  if (stale) return reread(next, false);
  next = { ...next, viewVersion: version };
  const effects: CommandsEffect[] = [];
  const settled = settleGone(next, candidate?.id ?? null);
  next = settled.state;
  effects.push(...settled.effects);
  if (inProgress && !find(next, inProgress.id) && inProgress.id !== candidate?.id) {
    // The journal that knew it is lost: the cloud still waits for an answer.
    const orphan: Entry = {
      ...inProgress,
      intake: 'shadow',
      stage: 'finished',
      repeatable: false,
      args: null,
      finishedAt: inProgress.receivedAt,
      outcome: interrupted(),
    };
    next = { ...next, entries: [...next.entries, orphan] };
    effects.push({ type: 'persist', id: orphan.id }, { type: 'deliver', id: orphan.id });
  }
  if (candidate) {
    const standing = onStanding(next, candidate);
    return { state: standing.state, effects: [...effects, ...standing.effects] };
  }
  return { state: next, effects };
}

/**
 * Whatever was seen and does not stand any more is ours: its clear was done and the acknowledgement lost, or a newer command overwrote it.
 * One whose clear is in flight waits for that answer.
 */
function settleGone(state: CommandsState, standingId: string | null): Step {
  let next = state;
  const effects: CommandsEffect[] = [];
  for (const entry of state.entries) {
    if (entry.intake !== 'shadow' || entry.stage !== 'seen' || entry.id === standingId || entry.id === state.clearing) continue;
    const gone = onGone(next, entry);
    next = gone.state;
    effects.push(...gone.effects);
  }
  return { state: next, effects };
}

/** The command is gone from `desired` for good: run it, or answer it. */
function onGone(state: CommandsState, entry: Entry): Step {
  if (entry.outcome !== null) return finish(state, entry, entry.outcome, entry.finishedAt ?? entry.receivedAt);
  if (entry.args === null) return finish(state, entry, interrupted(), entry.receivedAt);
  return take(state, entry);
}

function take(state: CommandsState, entry: Entry): Step {
  const effects: CommandsEffect[] = [{ type: 'execute', id: entry.id }];
  // Of a command that must not run twice the journal must know that it may have started.
  if (!entry.repeatable) effects.unshift({ type: 'persist', id: entry.id });
  return { state: amend(state, entry.id, (old) => ({ ...old, stage: 'taken' })), effects };
}

function finish(state: CommandsState, entry: Entry, outcome: CommandOutcome, at: number): Step {
  const effects: CommandsEffect[] = [{ type: 'persist', id: entry.id }];
  if (state.link === 'up') effects.push({ type: 'deliver', id: entry.id });
  return {
    state: amend(state, entry.id, (old) => ({ ...old, stage: 'finished', outcome, finishedAt: at, args: null })),
    effects,
  };
}

function onUpdated(state: CommandsState, version: number, cleared: string | null): Step {
  if (cleared === null || cleared !== state.clearing) {
    // Our own report moved the version by one: nothing else changed, what we know of `desired` still holds.
    return { state: version === state.viewVersion + 1 ? { ...state, viewVersion: version } : state, effects: [] };
  }
  const after = { ...state, clearing: null, viewVersion: Math.max(state.viewVersion, version) };
  // The condition held: at that version nothing else stood, and now nothing does. A newer delta may have brought the next one.
  const newer = state.viewVersion > version;
  const result = newer ? settleOne(after, cleared) : settleGone(after, null);
  if (!newer) return result;
  const again = reread(result.state, false);
  return { state: again.state, effects: [...result.effects, ...again.effects] };
}

function settleOne(state: CommandsState, id: string): Step {
  const entry = find(state, id);
  return entry?.stage === 'seen' ? onGone(state, entry) : { state, effects: [] };
}

function onRequested(state: CommandsState, candidate: Candidate): Step {
  const known = find(state, candidate.id);
  if (known) {
    // Asked again: the answer may have been lost on the cloud's side.
    return { state, effects: known.stage === 'finished' && state.link === 'up' ? [{ type: 'deliver', id: known.id }] : [] };
  }
  const { state: next, entry } = admit(state, candidate, 'executions');
  if (entry.outcome !== null) return finish(next, entry, entry.outcome, entry.receivedAt);
  const taken = take(next, entry);
  return { state: taken.state, effects: [{ type: 'persist', id: entry.id }, ...taken.effects.filter(({ type }) => type !== 'persist')] };
}

function onExecuted(state: CommandsState, id: string, outcome: CommandOutcome, at: number): Step {
  const entry = find(state, id);
  if (entry?.stage !== 'taken') return { state, effects: [] };
  return finish(state, entry, outcome, at);
}
