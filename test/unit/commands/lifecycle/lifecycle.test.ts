import { describe, expect, test } from 'vitest';
import {
  type Candidate,
  type Entry,
  MAX_OUTBOX_BYTES,
  MAX_REMEMBERED,
  MAX_UNDELIVERED,
  MAX_WAITING,
  unjournaled,
} from '../../../../agent/commands/lifecycle/entry.ts';
import { recover, restore, step } from '../../../../agent/commands/lifecycle/lifecycle.ts';
import type { CommandsEffect, CommandsEvent, CommandsState, Step } from '../../../../agent/commands/lifecycle/machine.ts';
import type { CommandOutcome } from '../../../../agent/contract/command.ts';

const DONE: CommandOutcome = { status: 'SUCCEEDED', result: { total: 1 } };
const EXPIRED: CommandOutcome = { status: 'TIMED_OUT', error: { code: 'expired', message: '' } };
const FULL: CommandOutcome = unjournaled();

const candidate = (id: string, verdict: Candidate['verdict'] = { accept: true, repeatable: false, args: { of: id } }): Candidate => ({
  id,
  command: 'set_wifi_credentials',
  receivedAt: 1,
  verdict,
});
const refused = (id: string) => candidate(id, { accept: false, outcome: EXPIRED });
const repeatable = (id: string) => candidate(id, { accept: true, repeatable: true, args: {} });
const entry = (id: string, change: Partial<Entry> = {}): Entry => ({
  id,
  intake: 'shadow',
  command: 'set_wifi_credentials',
  stage: 'seen',
  repeatable: false,
  args: null,
  receivedAt: 1,
  finishedAt: null,
  outcome: null,
  ...change,
});
const finished = (id: string) => entry(id, { stage: 'finished', outcome: DONE, finishedAt: 2 });

/** A hub that is connected and has read the shadow at version 5. */
const up = (entries: Entry[] = [], change: Partial<CommandsState> = {}): CommandsState => ({
  ...restore(entries),
  link: 'up',
  viewVersion: 5,
  ...change,
});
const read = (version: number, standing: Candidate | null = null, running: string | null = null): CommandsEvent => ({
  type: 'shadowRead',
  version,
  candidate: standing,
  inProgress: running === null ? null : { id: running, command: 'x', receivedAt: 1 },
});
const delta = (version: number, standing: Candidate | null): CommandsEvent => ({ type: 'delta', version, candidate: standing });

function play(state: CommandsState, ...events: CommandsEvent[]) {
  let last: Step = { state, effects: [] };
  for (const event of events) last = step(last.state, event);
  const words = last.effects.map((effect) => {
    if (effect.type === 'readShadow') return effect.retry ? 'read later' : 'read';
    if (effect.type === 'refuse') return `refuse ${effect.entry.id}`;
    return effect.type === 'clear' ? `clear ${effect.id} at ${effect.version}` : `${effect.type} ${effect.id}`;
  });
  return { state: last.state, words, stages: Object.fromEntries(last.state.entries.map(({ id, stage }) => [id, stage])) };
}
const outcomeOf = (state: CommandsState, id: string) => state.entries.find((other) => other.id === id)?.outcome;
const nothing = (state: CommandsState, event: CommandsEvent) => {
  const next = play(state, event);
  expect(next.words).toEqual([]);
  expect(next.state).toEqual(state);
};

describe('the link', () => {
  test('up: the shadow is read, and what waits is delivered', () => {
    const { words, state } = play(restore([finished('a'), entry('b', { stage: 'taken' })]), { type: 'linkUp' });
    expect(words).toEqual(['read', 'deliver a']);
    expect(state).toMatchObject({ link: 'up', reading: 0, clearing: null });
  });
  test('down: nothing is in flight any more', () => {
    const { words, state } = play(up([], { reading: 5, clearing: 'a' }), { type: 'linkDown' });
    expect(words).toEqual([]);
    expect(state).toMatchObject({ link: 'down', reading: null, clearing: null, viewVersion: 5 });
  });
  test('a failed read is tried again later, while the link stands', () => {
    expect(play(up([], { reading: 5 }), { type: 'readFailed' }).words).toEqual(['read later']);
    nothing(restore([]), { type: 'readFailed' });
  });
});

describe('a command that stands', () => {
  test('new in a delta: written down, then cleared at the version that was seen', () => {
    const { words, stages, state } = play(up(), delta(6, candidate('a')));
    expect(words).toEqual(['persist a', 'clear a at 6']);
    expect(stages).toEqual({ a: 'seen' });
    expect(state.clearing).toBe('a');
  });
  test('new in a read: the same', () =>
    expect(play(up([], { reading: 5 }), read(7, candidate('a'))).words).toEqual(['persist a', 'clear a at 7']));
  test('none in the delta: ignored', () => nothing(up(), delta(6, null)));
  test('one that is known in an older delta, such as one that was delivered late: ignored', () => {
    for (const stage of ['seen', 'taken', 'finished', 'delivered'] as const) nothing(up([entry('a', { stage })]), delta(4, candidate('a')));
  });
  test('one that is not known in an older delta: the shadow may be another one, a read decides', () => {
    const { words, state } = play(up(), delta(4, candidate('a')));
    expect(words).toEqual(['read']);
    expect(state.entries).toEqual([]);
    expect(play(state, delta(4, candidate('a'))).words).toEqual([]);
    expect(play(state, read(4, candidate('a'))).words).toEqual(['persist a', 'clear a at 4']);
    expect(play(state, read(9)).words).toEqual([]);
  });
  test('in a delta while a read is in flight: the read decides, and must be as new', () => {
    const { words, state } = play(up([], { reading: 5 }), delta(7, candidate('a')));
    expect(words).toEqual([]);
    expect(state).toMatchObject({ viewVersion: 7, entries: [] });
    expect(play(state, read(6, candidate('a'))).words).toEqual(['read']);
    expect(play(state, read(7)).words).toEqual([]);
  });
  test('while another clear is in flight: written down, cleared later', () => {
    expect(play(up([entry('a')], { clearing: 'a' }), delta(6, candidate('b'))).words).toEqual(['persist b']);
  });
  test('again after a restart: its args are known again', () => {
    const { words, state } = play(up([entry('a')]), delta(6, candidate('a')));
    expect(words).toEqual(['clear a at 6']);
    expect(state.entries[0]?.args).toEqual({ of: 'a' });
  });
  test('again, too old by now: that is written down before it is cleared', () => {
    const { words, state } = play(up([entry('a')]), delta(6, refused('a')));
    expect(words).toEqual(['persist a', 'clear a at 6']);
    expect(outcomeOf(state, 'a')).toEqual(EXPIRED);
  });
  test.each(['taken', 'finished', 'delivered'] as const)('again when it is %s: only cleared', (stage) => {
    expect(play(up([entry('a', { stage })]), delta(6, candidate('a'))).words).toEqual(['clear a at 6']);
  });
  test('refused: written down with its answer, cleared, never run', () => {
    const cleared = play(up(), delta(6, refused('a')), { type: 'updated', version: 7, cleared: 'a' });
    expect(cleared.words).toEqual(['persist a', 'deliver a']);
    expect(outcomeOf(cleared.state, 'a')).toEqual(EXPIRED);
  });
});

describe('a record that could not be written', () => {
  const failed = (state: CommandsState, pending: CommandsEffect[] = []) => play(state, { type: 'persistFailed', id: 'a', at: 3, pending });
  test('of a new command: it is cleared with its answer, and never run', () => {
    const state = up([entry('a', { args: {} })], { clearing: 'a' });
    const next = failed(state, [{ type: 'clear', id: 'a', version: 5 }]);
    expect(next.words).toEqual(['clear a at 5']);
    expect(next.state.entries[0]).toMatchObject({ stage: 'seen', outcome: FULL, finishedAt: 3, args: null });
    expect(play(next.state, { type: 'updated', version: 6, cleared: 'a' }).words).toEqual(['persist a', 'deliver a']);
  });
  describe('of a new command that only reads', () => {
    const ahead = () =>
      failed(up([entry('a', { args: {}, repeatable: true })], { clearing: 'a' }), [{ type: 'clear', id: 'a', version: 5 }]);
    const executed = { type: 'executed', id: 'a', outcome: EXPIRED, at: 4 } as const;
    test('it runs while it stands, and is cleared with its answer', () => {
      expect(ahead().words).toEqual(['execute a']);
      expect(play(ahead().state, executed).words).toEqual(['clear a at 5']);
      const cleared = play(ahead().state, executed, { type: 'updated', version: 6, cleared: 'a' });
      expect(cleared.words).toEqual(['persist a', 'deliver a']);
      expect(outcomeOf(cleared.state, 'a')).toEqual(EXPIRED);
      expect(cleared.state.entries[0]).not.toHaveProperty('ahead');
    });
    test('that stands on while it runs: nothing', () => {
      expect(play(ahead().state, delta(6, repeatable('a'))).words).toEqual([]);
    });
    test('that is overwritten while it runs is answered, and does not run again', () => {
      const read = play({ ...ahead().state, reading: 5 }, { type: 'shadowRead', version: 6, candidate: null, inProgress: null });
      expect(read.words).toEqual([]);
      expect(play(read.state, executed).words).toEqual(['persist a', 'deliver a']);
    });
    test('whose link falls while it runs is cleared with its answer at the next read', () => {
      const next = play(ahead().state, { type: 'linkDown' }, executed, { type: 'linkUp' });
      expect(next.words).toEqual(['read']);
      expect(play(next.state, { type: 'shadowRead', version: 6, candidate: repeatable('a'), inProgress: null }).words).toEqual([
        'clear a at 6',
      ]);
    });
  });
  test('of a refused command: it keeps its answer', () => {
    const next = failed(up([entry('a', { outcome: EXPIRED })], { clearing: 'a' }), [{ type: 'clear', id: 'a', version: 5 }]);
    expect(next.words).toEqual(['clear a at 5']);
    expect(outcomeOf(next.state, 'a')).toEqual(EXPIRED);
  });
  test.each([true, false])('of a command that was to start (only reads: %s): it is answered instead', (only) => {
    const next = failed(up([entry('a', { stage: 'taken', args: {}, repeatable: only })]), [{ type: 'execute', id: 'a' }]);
    expect(next.words).toEqual(['persist a', 'deliver a']);
    expect(next.state.entries[0]).toMatchObject({ stage: 'finished', outcome: FULL, finishedAt: 3, args: null });
  });
  test('of an answer: it is delivered all the same', () => {
    const state = up([finished('a')]);
    const next = failed(state, [{ type: 'deliver', id: 'a' }]);
    expect(next.words).toEqual(['deliver a']);
    expect(next.state).toEqual(state);
  });
  test('of an acknowledged answer: the older record is marked', () => {
    const state = up([entry('a', { stage: 'delivered' })]);
    const next = failed(state);
    expect(next.words).toEqual(['conclude a']);
    expect(next.state).toEqual(state);
  });
  test('of a command that is not remembered: nothing', () => nothing(up(), { type: 'persistFailed', id: 'a', at: 3, pending: [] }));
});

describe('a command that is gone', () => {
  const seen = (change: Partial<Entry> = {}) => entry('a', { args: {}, ...change });
  test('by our clear: what may not run twice is written down before it runs', () => {
    expect(play(up([seen()], { clearing: 'a' }), { type: 'updated', version: 6, cleared: 'a' })).toMatchObject({
      words: ['persist a', 'execute a'],
      stages: { a: 'taken' },
      state: { clearing: null, viewVersion: 6 },
    });
  });
  test('by our clear: what only reads runs at once', () => {
    const { words } = play(up([seen({ repeatable: true })], { clearing: 'a' }), { type: 'updated', version: 6, cleared: 'a' });
    expect(words).toEqual(['execute a']);
  });
  test('by our clear, when something newer has come since: the others wait for a read', () => {
    const state = up([seen(), entry('b', { args: {} })], { clearing: 'a', viewVersion: 9 });
    expect(play(state, { type: 'updated', version: 6, cleared: 'a' })).toMatchObject({
      words: ['persist a', 'execute a', 'read'],
      stages: { a: 'taken', b: 'seen' },
    });
  });
  test('as a read shows: it is run', () => expect(play(up([seen()], { reading: 5 }), read(6)).words).toEqual(['persist a', 'execute a']));
  test('overwritten by another: both are taken', () => {
    const { words } = play(up([seen()], { reading: 5 }), read(6, candidate('b')));
    expect(words).toEqual(['persist a', 'execute a', 'persist b', 'clear b at 6']);
  });
  test('while its clear is in flight: its answer decides', () => {
    expect(play(up([seen()], { reading: 5, clearing: 'a' }), read(6)).words).toEqual([]);
  });
  test('with args that nobody knows any more: interrupted', () => {
    const { words, state } = play(up([entry('a')], { reading: 5 }), read(6));
    expect(words).toEqual(['persist a', 'deliver a']);
    expect(outcomeOf(state, 'a')).toMatchObject({ error: { code: 'interrupted' } });
  });
  test('a clear that failed: read again, at once after a conflict, later when nobody knows', () => {
    const state = up([seen()], { clearing: 'a' });
    expect(play(state, { type: 'clearFailed', id: 'a', reason: 'conflict' }).words).toEqual(['read']);
    expect(play(state, { type: 'clearFailed', id: 'a', reason: 'uncertain' }).words).toEqual(['read later']);
    nothing(state, { type: 'clearFailed', id: 'b', reason: 'conflict' });
  });
});

describe('the view', () => {
  test('the next version is ours: what is known still holds', () => {
    expect(play(up(), { type: 'updated', version: 6, cleared: null }).state.viewVersion).toBe(6);
    nothing(up(), { type: 'updated', version: 7, cleared: null });
  });
  test('a shadow that was made anew begins with low versions', () => {
    expect(play(up([], { reading: 5 }), read(1, candidate('a'))).words).toEqual(['persist a', 'clear a at 1']);
  });
  test('an answer that nobody waits for is ignored', () => nothing(up(), read(9, candidate('a'))));
  test('a command that runs in the cloud and is unknown here is answered as interrupted', () => {
    const { words, state } = play(up([], { reading: 5 }), read(6, null, 'lost'));
    expect(words).toEqual(['persist lost', 'deliver lost']);
    expect(outcomeOf(state, 'lost')).toMatchObject({ error: { code: 'interrupted' } });
  });
  test('one that is known, or stands, is not', () => {
    expect(play(up([entry('a', { stage: 'taken' })], { reading: 5 }), read(6, null, 'a')).words).toEqual([]);
    expect(play(up([], { reading: 5 }), read(6, candidate('a'), 'a')).words).toEqual(['persist a', 'clear a at 6']);
  });
});

describe('a request with an id of its own', () => {
  test('is written down as started, then run', () => {
    expect(play(up(), { type: 'requested', candidate: candidate('a') })).toMatchObject({
      words: ['persist a', 'execute a'],
      stages: { a: 'taken' },
    });
    expect(play(up(), { type: 'requested', candidate: repeatable('a') }).words).toEqual(['persist a', 'execute a']);
  });
  test('is refused at once', () =>
    expect(play(up(), { type: 'requested', candidate: refused('a') }).words).toEqual(['persist a', 'deliver a']));
  test('asked again: answered again when it is finished, else ignored', () => {
    expect(play(up([finished('a')]), { type: 'requested', candidate: candidate('a') }).words).toEqual(['deliver a']);
    nothing(up([entry('a', { stage: 'taken' })]), { type: 'requested', candidate: candidate('a') });
    nothing(up([entry('a', { stage: 'delivered' })]), { type: 'requested', candidate: candidate('a') });
  });
});

describe('the end', () => {
  const running = up([entry('a', { stage: 'taken', args: {} })]);
  test('of a run: written down, delivered while the link stands', () => {
    const event: CommandsEvent = { type: 'executed', id: 'a', outcome: DONE, at: 9 };
    const { words, state } = play(running, event);
    expect(words).toEqual(['persist a', 'deliver a']);
    expect(state.entries[0]).toMatchObject({ stage: 'finished', outcome: DONE, finishedAt: 9, args: null });
    expect(play({ ...running, link: 'down' }, event).words).toEqual(['persist a']);
    nothing(state, event);
  });
  test('of a delivery: remembered without its outcome, the oldest forgotten', () => {
    const old = Array.from({ length: MAX_REMEMBERED }, (_, index) => entry(`old-${index}`, { stage: 'delivered' }));
    const { words, state } = play(up([...old, finished('a')]), { type: 'delivered', id: 'a' });
    expect(words).toEqual(['persist a', 'forget old-0']);
    expect(state.entries).toHaveLength(MAX_REMEMBERED);
    expect(state.entries.at(-1)).toMatchObject({ id: 'a', stage: 'delivered', outcome: null });
    expect(state.entries[0]?.id).toBe('old-1');
    const first = play(up([finished('a'), ...old]), { type: 'delivered', id: 'a' });
    expect(first.words).toEqual(['forget a']);
  });
  test('of a process: what only reads runs again, the rest is interrupted, what was not started waits', () => {
    const left = [entry('a', { stage: 'taken' }), entry('b', { stage: 'taken', repeatable: true }), entry('c'), finished('d')];
    const { state, effects } = recover(restore(left), 9);
    expect(effects).toEqual([
      { type: 'persist', id: 'a' },
      { type: 'execute', id: 'b' },
    ]);
    expect(state.entries.map(({ stage }) => stage)).toEqual(['finished', 'taken', 'seen', 'finished']);
    expect(outcomeOf(state, 'a')).toMatchObject({ error: { code: 'interrupted' } });
  });
  test('of a process, and the command leaves traces: it is asked what became of it, at each start until that is known', () => {
    const left = [entry('a', { stage: 'taken' }), entry('b', { stage: 'taken', repeatable: true })];
    const { state, effects } = recover(restore(left), 9, () => true);
    expect(effects).toEqual([
      { type: 'resolve', id: 'a' },
      { type: 'execute', id: 'b' },
    ]);
    expect(recover(restore(state.entries), 10, () => true).effects).toEqual(effects);
    const { words } = play({ ...state, link: 'up' }, { type: 'executed', id: 'a', outcome: DONE, at: 11 });
    expect(words).toEqual(['persist a', 'deliver a']);
  });
});

describe('room', () => {
  const active = Array.from({ length: MAX_WAITING + 1 }, (_, index) => entry(`${index}`, { stage: 'taken' }));
  const waiting = Array.from({ length: MAX_UNDELIVERED }, (_, index) => finished(`w${index}`));
  test('past the waiting commands of one kind: busy', () => {
    expect(outcomeOf(play(up(active), delta(6, candidate('z'))).state, 'z')).toMatchObject({
      status: 'REJECTED',
      error: { code: 'busy' },
    });
    expect(outcomeOf(play(up(active.slice(1)), delta(6, candidate('z'))).state, 'z')).toBeNull();
    expect(outcomeOf(play(up(active), delta(6, { ...candidate('z'), command: 'get_nodes' })).state, 'z')).toBeNull();
  });
  test('past the answers that wait: a shadow command stays where it stands until there is room, a request is refused', () => {
    const state = up(waiting);
    expect(play(state, delta(6, candidate('z')))).toMatchObject({ words: [], state: { entries: { length: MAX_UNDELIVERED } } });
    expect(play(state, { type: 'requested', candidate: candidate('z') }).words).toEqual(['refuse z']);
    expect(play(state, { type: 'delivered', id: 'w3' }).words).toEqual(['persist w3', 'read']);
  });
  test('past the bytes that wait: the newest result is left out, status and errors never', () => {
    const large: CommandOutcome = { status: 'SUCCEEDED', result: { text: 'x'.repeat(MAX_OUTBOX_BYTES - 100) } };
    const state = up([entry('a', { stage: 'finished', outcome: large }), entry('b', { stage: 'taken' })]);
    const dropped = play(state, {
      type: 'executed',
      id: 'b',
      outcome: { status: 'SUCCEEDED', result: { text: 'y'.repeat(200) } },
      at: 1,
    }).state;
    expect(outcomeOf(dropped, 'b')).toMatchObject({ status: 'SUCCEEDED', result: { resultDropped: expect.stringContaining('left out') } });
    expect(outcomeOf(dropped, 'a')).toBe(large);
    expect(outcomeOf(play(state, { type: 'executed', id: 'b', outcome: FULL, at: 1 }).state, 'b')).toBe(FULL);
  });
});
