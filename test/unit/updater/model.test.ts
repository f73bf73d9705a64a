import { expect, test } from 'vitest';
import { decide } from '../../../agent/updater/decide.ts';
import { type Behaviour, exploreUpdater } from './model.ts';

test.each<[Behaviour, number, number]>([
  ['good', 2, 0],
  ['good', 5, 0],
  ['dies', 5, 0],
  ['hangs', 5, 0],
  ['says no', 5, 0],
  ['uncountable', 5, 0],
  ['good', 2, 2],
  ['hangs', 2, 2],
])(
  'A release that is %s, with up to %i power cuts and %i ways back asked for: every way ends on what was committed, and no attempt has two ends',
  (behaviour, cuts, rollbacks) => {
    const { states, ends } = exploreUpdater({ behaviour, cuts, rollbacks });
    expect(states).toBeGreaterThan(20);
    expect(ends).toBeGreaterThan(0);
  },
);

test.each<[string, Parameters<typeof exploreUpdater>[0]]>([
  [
    'that forgets what was rolled back',
    {
      behaviour: 'says no',
      cuts: 1,
      decideWith(facts) {
        const decision = decide({ ...facts, state: { ...facts.state, bad: [] } });
        return decision;
      },
    },
  ],
  [
    'that judges the time of a trial by another boot',
    { behaviour: 'hangs', cuts: 1, decideWith: (facts) => decide({ ...facts, bootId: 'another' }) },
  ],
  [
    'that commits whatever a trial says',
    {
      behaviour: 'says no',
      cuts: 0,
      decideWith: (facts) => decide({ ...facts, confirm: facts.confirm && { ...facts.confirm, verdict: 'healthy' } }),
    },
  ],
])('The walk finds an updater %s', (_, model) => {
  expect(() => exploreUpdater(model)).toThrow(/:\n/);
});
