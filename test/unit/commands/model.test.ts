import { expect, test } from 'vitest';
import { type CommandsEvent, type CommandsState, recover, type Step, step } from '../../../agent/commands/lifecycle/lifecycle.ts';
import { explore, type ModelOptions } from './model/explore.ts';
import type { Machine, ModelCommand } from './model/machine.ts';

const once: ModelCommand = { kind: 'once', intake: 'shadow' };
const reading: ModelCommand = { kind: 'repeatable', intake: 'shadow' };
const again: ModelCommand = { kind: 'again', intake: 'shadow' };
const refused: ModelCommand = { kind: 'refused', intake: 'shadow' };
const requested: ModelCommand = { kind: 'once', intake: 'executions' };
const readingRequested: ModelCommand = { kind: 'repeatable', intake: 'executions' };

/** The real machine with something done to its steps. */
function faulty(change: (next: Step, event: CommandsEvent, before: CommandsState) => Step): Machine {
  return { recover, step: (state, event) => change(step(state, event), event, state) };
}

const without = (type: Step['effects'][number]['type'], next: Step): Step => ({
  ...next,
  effects: next.effects.filter((effect) => effect.type !== type),
});

/** Remembers no command that was delivered, and so must not answer for what it does not remember. */
const forgetful: Machine = {
  recover,
  step(state, event) {
    const next = step(state, event.type === 'shadowRead' ? { ...event, inProgress: null } : event);
    return { ...next, state: { ...next.state, entries: next.state.entries.filter(({ stage }) => stage !== 'delivered') } };
  },
};

const cases: [string, ModelOptions][] = [
  ['three commands, a crash', { commands: [once, reading, once], crashes: 1 }],
  ['two commands, two crashes, a fall of the link', { commands: [once, reading], crashes: 2, reconnects: 1 }],
  ['two commands, a fault, a crash', { commands: [once, reading], crashes: 1, faults: 1 }],
  ['one command, three faults, a crash, a fall of the link', { commands: [once], crashes: 1, reconnects: 1, faults: 3 }],
  ['a read-only command, three faults, two crashes', { commands: [reading], crashes: 2, faults: 3 }],
  ['one command sent twice within its second, faults, a crash', { commands: [once, again], crashes: 1, faults: 1 }],
  ['a refused command between faults', { commands: [refused, once], crashes: 1, faults: 1 }],
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
      recover,
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
      recover,
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
      recover,
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
    { step, recover: (state) => ({ state, effects: [] }) },
    { commands: [once], crashes: 1 },
    /never answered/,
  ],
];

function withoutStarts(next: Step): Step {
  const starts = new Set(next.effects.flatMap((effect) => (effect.type === 'execute' ? [effect.id] : [])));
  return { ...next, effects: next.effects.filter((effect) => effect.type !== 'persist' || !starts.has(effect.id)) };
}

const stageOf = (state: CommandsState, id: string) => state.entries.find((entry) => entry.id === id)?.stage;

test.each(mutants)('the exploration catches a machine that %s', (_name, machine, options, promise) => {
  expect(() => explore({ ...options, machine })).toThrow(promise);
});
