import type { CommandOutcome } from '../../contract/command.ts';
import {
  admitted,
  type Candidate,
  delivered,
  type Entry,
  fitOutbox,
  type InProgress,
  interrupted,
  isOutboxFull,
  MAX_REMEMBERED,
  orphaned,
  unjournaled,
} from './entry.ts';
import type { CommandsEffect, CommandsEvent, CommandsState, Step } from './machine.ts';

export type { Candidate, Entry, InProgress, IntakeName, Stage } from './entry.ts';

/** The start: entries as the journal had them. */
export function restore(entries: readonly Entry[]): CommandsState {
  return { link: 'down', viewVersion: 0, reading: null, clearing: null, entries };
}

/**
 * What to do right after start, before any connection: run again, resolve or answer what the last process left behind. `isResolvable`: the
 * command, by its name, leaves traces that tell what became of it.
 */
export function recover(state: CommandsState, at: number, isResolvable: (command: string) => boolean = () => false): Step {
  const effects: CommandsEffect[] = [];
  const entries = state.entries.map((entry) => {
    if (entry.stage !== 'taken') return entry;
    const { id } = entry;
    const resolvable = !entry.repeatable && isResolvable(entry.command);
    effects.push(entry.repeatable ? { type: 'execute', id } : resolvable ? { type: 'resolve', id } : { type: 'persist', id });
    return entry.repeatable || resolvable ? entry : { ...entry, stage: 'finished' as const, outcome: interrupted(), finishedAt: at };
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
      return onDelta(state, event.version, event.candidate);
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
    case 'delivered':
      return onDelivered(state, event.id);
    case 'persistFailed':
      return onPersistFailed(state, event);
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

/** Drops the oldest of the delivered entries when there are too many. */
function forgetOldest(state: CommandsState): Step {
  let surplus = state.entries.filter((entry) => entry.stage === 'delivered').length - MAX_REMEMBERED;
  const dropped = state.entries.filter((entry) => entry.stage === 'delivered' && surplus-- > 0);
  const entries = state.entries.filter((entry) => !dropped.includes(entry));
  return { state: { ...state, entries }, effects: dropped.map(({ id }) => ({ type: 'forget', id })) };
}

/**
 * While a read is in flight, a delta only sets how new its answer must be: a late copy of an old one must not bring a command back. An old one with
 * a command that is not known was overtaken, or the shadow was made anew and counts from the beginning: only a read tells.
 */
function onDelta(state: CommandsState, version: number, candidate: Candidate | null): Step {
  if (candidate === null) return { state, effects: [] };
  if (version < state.viewVersion) return find(state, candidate.id) ? { state, effects: [] } : reread(state, false);
  const next = { ...state, viewVersion: version };
  return state.reading === null ? onStanding(next, candidate) : { state: next, effects: [] };
}

/** A fresh view shows this command in `desired`: make sure it is journaled, then have it cleared. */
function onStanding(state: CommandsState, candidate: Candidate): Step {
  const { id } = candidate;
  const known = find(state, id);
  // It is cleared with its answer.
  if (known?.ahead && known.outcome === null) return { state, effects: [] };
  if (known?.stage === 'seen' && known.outcome === null) {
    const entry = revalidated(known, candidate);
    const refused: CommandsEffect[] = entry.outcome === null ? [] : [{ type: 'persist', id }];
    return startClear(
      amend(state, id, () => entry),
      id,
      refused,
    );
  }
  if (known) return startClear(state, id, []);
  // It can wait where it stands: a delivery makes room and has the shadow read again.
  if (isOutboxFull(state.entries)) return { state, effects: [] };
  const entries = [...state.entries, admitted(state.entries, candidate, 'shadow')];
  return startClear({ ...state, entries }, id, [{ type: 'persist', id }]);
}

/** After a restart, or a long time without a link: the args are known again only from `desired`, and the command may have expired. */
function revalidated(entry: Entry, { verdict, receivedAt }: Candidate): Entry {
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
    const orphan = orphaned(inProgress);
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
 * A command that was seen and is no longer in the shadow is ours: its clear was done and the acknowledgement lost, or a newer command overwrote it.
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
  // It runs already.
  if (entry.ahead) return { state: amend(state, entry.id, (old) => ({ ...old, stage: 'taken' })), effects: [] };
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
  const others = state.entries.filter(({ id }) => id !== entry.id);
  const kept = fitOutbox(others, outcome);
  const effects: CommandsEffect[] = [{ type: 'persist', id: entry.id }];
  if (state.link === 'up') effects.push({ type: 'deliver', id: entry.id });
  return {
    state: amend(state, entry.id, ({ ahead: _, ...old }) => ({ ...old, stage: 'finished', outcome: kept, finishedAt: at, args: null })),
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
  const entry = admitted(state.entries, candidate, 'executions');
  if (isOutboxFull(state.entries)) return { state, effects: [{ type: 'refuse', entry }] };
  const next = { ...state, entries: [...state.entries, entry] };
  if (entry.outcome !== null) return finish(next, entry, entry.outcome, entry.receivedAt);
  // It cannot be read again: it must be in the journal before anything else happens.
  return {
    state: take(next, entry).state,
    effects: [
      { type: 'persist', id: entry.id },
      { type: 'execute', id: entry.id },
    ],
  };
}

function onExecuted(state: CommandsState, id: string, outcome: CommandOutcome, at: number): Step {
  const entry = find(state, id);
  if (entry?.stage === 'seen' && entry.ahead) {
    return startClear(
      amend(state, id, (old) => ({ ...old, outcome, finishedAt: at, args: null })),
      id,
      [],
    );
  }
  if (entry?.stage !== 'taken') return { state, effects: [] };
  return finish(state, entry, outcome, at);
}

function onDelivered(state: CommandsState, id: string): Step {
  const { state: next, effects } = forgetOldest(amend(state, id, delivered));
  const made = isOutboxFull(state.entries) ? reread(next, false) : { state: next, effects: [] };
  const persist: CommandsEffect[] = find(next, id) ? [{ type: 'persist', id }] : [];
  return { state: made.state, effects: [...persist, ...made.effects, ...effects] };
}

function runAhead(state: CommandsState, { id }: Entry): Step {
  const clearing = state.clearing === id ? null : state.clearing;
  return { state: amend({ ...state, clearing }, id, (old) => ({ ...old, ahead: true })), effects: [{ type: 'execute', id }] };
}

function onPersistFailed(
  state: CommandsState,
  { id, at, pending, reason = null }: Extract<CommandsEvent, { type: 'persistFailed' }>,
): Step {
  const entry = find(state, id);
  // An older record would be answered again after a restart, and a forgotten one run again when it is redelivered.
  if (entry?.stage === 'delivered') return { state, effects: [{ type: 'conclude', id }, ...pending] };
  // What was to follow is the run: the journal does not know that it may have started, so it must not start.
  if (entry?.stage === 'taken') return finish(state, entry, unjournaled(reason), at);
  if (entry?.stage !== 'seen' || entry.outcome !== null) return { state, effects: pending };
  // A disk that is full is no reason not to tell what is known. Until it is answered the command stands where the next process finds it.
  if (entry.repeatable) return runAhead(state, entry);
  return { state: amend(state, id, (old) => ({ ...old, outcome: unjournaled(reason), finishedAt: at, args: null })), effects: pending };
}
