import { expect, test } from 'vitest';
import { reportStep } from '../../../../agent/cloud/shadow/report-machine.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { explorePresence, type PresenceOptions } from './model/explore.ts';
import type { ReportMachine } from './model/steps.ts';

const cases: [string, PresenceOptions][] = [
  ['a change, two faults', { changes: 1, faults: 2 }],
  ['two changes, a fault', { changes: 2, faults: 1 }],
  ['a command, a fault', { commands: 1, faults: 1 }],
  ['another writer, a change', { foreign: 1, changes: 1 }],
  ['another writer, a command', { foreign: 1, commands: 1 }],
  ['a fall of the link', { falls: 1 }],
];

test.each(cases)(
  'in every interleaving the shadow comes to tell the truth: %s',
  (name, options) => {
    const { states, steps, ends } = explorePresence(options);
    process.stdout.write(`${name}: ${states} states, ${steps} steps, ${ends} ends\n`);
    expect(ends).toBeGreaterThan(0);
  },
  120_000,
);

const mutants: [string, ReportMachine, Omit<PresenceOptions, 'machine'>][] = [
  [
    'does not say again that it is here after a late offline',
    (config, state, event, now) => (event.type === 'refresh' ? { state, effects: [] } : reportStep(config, state, event, now)),
    { falls: 1, faults: 1 },
  ],
  [
    'does not read after a time-out',
    (config, state, event, now) =>
      reportStep(
        config,
        state,
        event.type === 'failed' && event.error.code === 'cloud_timeout' ? { ...event, error: new HubError('cloud_refused', '') } : event,
        now,
      ),
    { changes: 2, faults: 1 },
  ],
  [
    'does not reassure after a birth',
    (config, state, event, now) => {
      const next = reportStep(config, state, event, now);
      return { ...next, state: { ...next.state, reassureDueMs: null } };
    },
    { falls: 1 },
  ],
  [
    'takes every version for its own',
    (config, state, event, now) =>
      reportStep(config, state, event.type === 'answered' ? { ...event, version: (state.inFlight?.base ?? 99) + 1 } : event, now),
    { foreign: 1, commands: 1 },
  ],
  [
    'does not try a failed report again',
    (config, state, event, now) => {
      const next = reportStep(config, state, event, now);
      return event.type === 'failed' ? { ...next, state: { ...next.state, forced: false, reportDueMs: null } } : next;
    },
    { changes: 1, faults: 1 },
  ],
];

test.each(mutants)('the exploration notices a machine that %s', (_name, machine, options) => {
  expect(() => explorePresence({ ...options, machine })).toThrow(/tells no truth|not up to date|circles/);
});
