import { expect, test } from 'vitest';
import { done } from '../../../agent/commands/lifecycle/batch.ts';
import { step } from '../../../agent/commands/lifecycle/lifecycle.ts';
import type { CommandsEffect, CommandsEvent, CommandsState, Step } from '../../../agent/commands/lifecycle/machine.ts';
import { explore, type ModelOptions } from './model/explore.ts';
import { type Machine, type ModelCommand, realMachine } from './model/machine.ts';

const once: ModelCommand = { kind: 'once', intake: 'shadow' };
const reading: ModelCommand = { kind: 'repeatable', intake: 'shadow' };
const again: ModelCommand = { kind: 'again', intake: 'shadow' };
const refused: ModelCommand = { kind: 'refused', intake: 'shadow' };
const requested: ModelCommand = { kind: 'once', intake: 'executions' };
const readingRequested: ModelCommand = { kind: 'repeatable', intake: 'executions' };

/** The real machine with something done to its steps. */
function faulty(change: (next: Step, event: CommandsEvent, before: CommandsState) => Step): Machine {
  return { ...realMachine, step: (state, event) => change(step(state, event), event, state) };
}

const without = (type: Step['effects'][number]['type'], next: Step): Step => ({
  ...next,
  effects: next.effects.filter((effect) => effect.type !== type),
});

/** Remembers no command that was delivered, and so must not answer for what it does not remember. */
const forgetful: Machine = {
  ...realMachine,
  step(state, event) {
    const next = step(state, event.type === 'shadowRead' ? { ...event, inProgress: null } : event);
    const forgotten = next.state.entries.filter(({ stage }) => stage === 'delivered');
    const entries = next.state.entries.filter(({ stage }) => stage !== 'delivered');
    const forget: CommandsEffect[] = forgotten.map(({ id }) => ({ type: 'forget', id }));
    return { state: { ...next.state, entries }, effects: [...next.effects, ...forget] };
  },
};

/** The real machine, and a driver that carries out other lists: a change to a list is the same as a driver that deviates from it. */
function driven(change: (effects: readonly CommandsEffect[]) => readonly CommandsEffect[], machine: Machine = realMachine): Machine {
  const changed = (next: Step): Step => ({ ...next, effects: change(next.effects) });
  return {
    ...machine,
    step: (state, event) => changed(machine.step(state, event)),
    recover: (...args) => changed(machine.recover(...args)),
    done(batch, ok, at) {
      const next = done(batch, ok, at);
      return ok ? next : changed(next);
    },
  };
}

const dropped = (type: CommandsEffect['type']) => driven((effects) => effects.filter((effect) => effect.type !== type));

/** Each list with an effect of the first kind put behind the next one of the second kind. */
const swapped = (first: CommandsEffect['type'], second: CommandsEffect['type']) =>
  driven((effects) => {
    const from = effects.findIndex(({ type }) => type === first);
    const to = effects.findIndex(({ type }, index) => index > from && type === second);
    if (from < 0 || to < 0) return effects;
    const rest = effects.toSpliced(to, 1);
    return rest.toSpliced(from, 0, effects[to]!);
  });

const cases: [string, ModelOptions][] = [
  ['three commands, a crash', { commands: [once, reading, once], crashes: 1 }],
  ['two commands, two crashes, a fall of the link', { commands: [once, reading], crashes: 2, reconnects: 1 }],
  ['two commands, a fault, a crash', { commands: [once, reading], crashes: 1, faults: 1 }],
  ['one command, three faults, a crash, a fall of the link', { commands: [once], crashes: 1, reconnects: 1, faults: 3 }],
  ['a read-only command, three faults, two crashes', { commands: [reading], crashes: 2, faults: 3 }],
  ['one command sent twice within its second, faults, a crash', { commands: [once, again], crashes: 1, faults: 1 }],
  ['a refused command between faults', { commands: [refused, once], crashes: 1, faults: 1 }],
  ['a disk that is full for three writes', { commands: [once], crashes: 2, fullDisks: 3 }],
  ['a disk that is full for two writes, a repeated request', { commands: [readingRequested], crashes: 1, faults: 1, fullDisks: 2 }],
  ['a full disk', { commands: [once, reading], crashes: 1, fullDisks: 1 }],
  ['a full disk among faults', { commands: [reading], crashes: 1, reconnects: 1, faults: 1, fullDisks: 1 }],
  ['a lost journal', { commands: [once, reading], lostJournals: 1, reconnects: 1 }],
  ['requests of AWS IoT Commands', { commands: [requested, readingRequested], crashes: 2, reconnects: 1, faults: 1 }],
  ['both intakes, a full disk', { commands: [requested, once], crashes: 1, reconnects: 1, fullDisks: 1 }],
  ['versions alone, without a memory of what was delivered', { commands: [once, reading], crashes: 1, faults: 1, machine: forgetful }],
];

test.each(cases)('every interleaving keeps the promise: %s', (name, options) => {
  const { states, steps, ends } = explore(options);
  process.stdout.write(`${name}: ${states} states, ${steps} steps, ${ends} ends\n`);
  expect(ends).toBeGreaterThan(0);
});

const mutants: [string, Machine, Omit<ModelOptions, 'machine'>, RegExp][] = [
  ['never writes its journal', faulty((next) => without('persist', next)), { commands: [once], crashes: 1 }, /two different answers/],
  [
    'does not write down that a command starts',
    faulty((next, event) => (event.type === 'updated' || event.type === 'shadowRead' ? withoutStarts(next) : next)),
    { commands: [once, again], crashes: 1 },
    /ran twice/,
  ],
  [
    'runs a request before it is written down',
    faulty((next, event) => (event.type === 'requested' ? without('persist', next) : next)),
    { commands: [requested], crashes: 1, faults: 1 },
    /ran twice/,
  ],
  [
    'runs a command before it is cleared',
    faulty((next) => {
      const clear = next.effects.find((effect) => effect.type === 'clear');
      return clear ? { ...next, effects: [{ type: 'execute', id: clear.id }, ...next.effects] } : next;
    }),
    { commands: [once] },
    /before its credentials were cleared/,
  ],
  [
    'takes silence for a done clear',
    {
      ...realMachine,
      step: (state, event) =>
        event.type === 'clearFailed' && event.reason === 'uncertain'
          ? step(state, { type: 'updated', version: state.viewVersion + 1, cleared: event.id })
          : step(state, event),
    },
    { commands: [once], faults: 1 },
    /before its credentials were cleared/,
  ],
  [
    'believes every delta and remembers nothing',
    {
      ...realMachine,
      step: (state, event) =>
        forgetful.step(
          event.type === 'delta' ? { ...state, viewVersion: Math.min(state.viewVersion, event.version), reading: null } : state,
          event,
        ),
    },
    { commands: [once], crashes: 1, faults: 1 },
    /ran twice|ran after its answer/,
  ],
  [
    'forgets to write down that a standing command has expired',
    faulty((next, _event, before) => {
      const expired = next.state.entries.find(({ id, outcome }) => outcome?.status === 'TIMED_OUT' && stageOf(before, id) === 'seen');
      const effects = next.effects.filter(
        (effect) => effect.type !== 'persist' || effect.id !== expired?.id || stageOf(next.state, effect.id) !== 'seen',
      );
      return { ...next, effects };
    }),
    { commands: [reading], crashes: 2, faults: 1 },
    /ran after its answer/,
  ],
  [
    'delivers nothing after a reconnect',
    faulty((next, event) => (event.type === 'linkUp' ? without('deliver', next) : next)),
    { commands: [once], reconnects: 1 },
    /never (answered|settled)/,
  ],
  [
    'clears again without looking',
    {
      ...realMachine,
      step: (state, event) =>
        event.type === 'clearFailed'
          ? { state, effects: [{ type: 'clear', id: event.id, version: state.viewVersion }] }
          : step(state, event),
    },
    { commands: [once, once] },
    /circles/,
  ],
  [
    'answers what a crash has left with nothing',
    { ...realMachine, recover: (state) => ({ state, effects: [] }) },
    { commands: [once], crashes: 1 },
    /never answered/,
  ],
];

function withoutStarts(next: Step): Step {
  const starts = new Set(next.effects.flatMap((effect) => (effect.type === 'execute' ? [effect.id] : [])));
  return { ...next, effects: next.effects.filter((effect) => effect.type !== 'persist' || !starts.has(effect.id)) };
}

const stageOf = (state: CommandsState, id: string) => state.entries.find((entry) => entry.id === id)?.stage;

const drivers: [string, Machine, Omit<ModelOptions, 'machine'>, RegExp][] = [
  ['does not mark an answered record', dropped('conclude'), { commands: [once], crashes: 1, fullDisks: 1 }, /answered again/],
  [
    'does not mark an answered record of an older stage',
    dropped('conclude'),
    { commands: [reading], crashes: 1, fullDisks: 2 },
    /again|ran after/,
  ],
  [
    'removes no record',
    driven((effects) => effects.filter(({ type }) => type !== 'forget'), forgetful),
    { commands: [once] },
    /on disk for ever/,
  ],
  [
    'starts a command before that is written down',
    swapped('persist', 'execute'),
    { commands: [requested], crashes: 1, faults: 1 },
    /ran twice/,
  ],
  ['answers before that is written down', swapped('persist', 'deliver'), { commands: [once], crashes: 1 }, /two different answers/],
  [
    'clears a command before that is written down',
    swapped('persist', 'clear'),
    { commands: [reading, once], crashes: 1 },
    /b is never answered/,
  ],
  [
    'starts a command before it is cleared',
    driven((effects) =>
      effects.flatMap((effect): CommandsEffect[] => (effect.type === 'clear' ? [{ type: 'execute', id: effect.id }, effect] : [effect])),
    ),
    { commands: [once] },
    /before its credentials were cleared/,
  ],
  [
    'takes a failed write for a done one',
    { ...realMachine, done: (batch, _ok, at) => done(batch, true, at) },
    { commands: [once, again], crashes: 1, fullDisks: 1 },
    /ran twice/,
  ],
  [
    'goes on with the old list after a failed write',
    {
      ...realMachine,
      done: (batch, ok, at) => ({ ...done(batch, ok, at), effects: done(batch, true, at).effects }),
    },
    { commands: [once], crashes: 1, fullDisks: 1 },
    /never answered/,
  ],
  ['writes nothing', dropped('persist'), { commands: [once], crashes: 1 }, /two different answers/],
  ['delivers nothing', dropped('deliver'), { commands: [once] }, /never/],
  ['reads nothing', dropped('readShadow'), { commands: [once] }, /circles/],
  ['runs nothing', dropped('execute'), { commands: [once] }, /never/],
  ['clears nothing', dropped('clear'), { commands: [once] }, /circles/],
];

test.each(drivers)('the exploration catches a driver that %s', (_name, machine, options, promise) => {
  expect(() => explore({ ...options, machine })).toThrow(promise);
});

test.each(mutants)('the exploration catches a machine that %s', (_name, machine, options, promise) => {
  expect(() => explore({ ...options, machine })).toThrow(promise);
});
