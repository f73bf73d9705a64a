import { expect, test } from 'vitest';
import { type Event, NETWORK_LOST, type Problem, SETTLED_MS, type State, step } from '../../../../../agent/nodes/zigbee/machine/machine.ts';
import { pauseMs } from '../../../../../agent/nodes/zigbee/machine/pause.ts';

const gone: Problem = { reason: 'lost', message: 'the stick went away' };
const refusal: Problem = { reason: 'network', message: 'another network' };

const STATES = {
  stopped: { phase: 'stopped' },
  deciding: { phase: 'deciding', permit: 'none', failures: 0, problem: null },
  forming: { phase: 'starting', expects: 'formed', failures: 0, problem: null },
  resuming: { phase: 'starting', expects: 'resumed', failures: 2, problem: gone },
  restoring: { phase: 'starting', expects: 'restored', failures: 0, problem: null },
  up: { phase: 'up', sinceMs: 0, failures: 2 },
  failing: { phase: 'ending', after: 'waiting', permit: 'none', failures: 1, problem: gone },
  stopping: { phase: 'ending', after: 'stopped', permit: 'none', failures: 0, problem: null },
  restarting: { phase: 'ending', after: 'deciding', permit: 'restore', failures: 0, problem: null },
  waiting: { phase: 'waiting', failures: 1, problem: gone },
} as const satisfies Record<string, State>;

const EVENTS = {
  start: { kind: 'start' },
  stop: { kind: 'stop' },
  restore: { kind: 'asked', permit: 'restore' },
  decided: { kind: 'decided', expects: 'resumed' },
  refused: { kind: 'refused', problem: refusal },
  resumed: { kind: 'started', result: 'resumed', atMs: 1000 },
  reset: { kind: 'started', result: 'reset', atMs: 1000 },
  failed: { kind: 'failed', problem: gone, atMs: 1000 },
  failedLate: { kind: 'failed', problem: gone, atMs: SETTLED_MS },
  exited: { kind: 'exited', atMs: 1000 },
  waited: { kind: 'waited' },
  plugged: { kind: 'plugged' },
} as const satisfies Record<string, Event>;

/** Every arrow: from, event, to, and what is done. What is not listed changes nothing. */
const ARROWS: readonly [from: keyof typeof STATES, event: keyof typeof EVENTS, to: Partial<Record<string, unknown>>, effects: string[]][] =
  [
    ['stopped', 'start', { phase: 'deciding', permit: 'none' }, ['decide']],
    ['deciding', 'decided', { phase: 'starting', expects: 'resumed' }, ['launch']],
    ['deciding', 'refused', { phase: 'ending', after: 'waiting', problem: refusal }, ['end']],
    ['deciding', 'failed', { phase: 'ending', after: 'waiting', failures: 1 }, ['end']],
    ['deciding', 'failedLate', { phase: 'ending', after: 'waiting', failures: 1 }, ['end']],
    ['deciding', 'exited', { phase: 'waiting', failures: 1 }, ['wait']],
    ['deciding', 'stop', { phase: 'ending', after: 'stopped' }, ['end']],
    ['deciding', 'restore', { phase: 'ending', after: 'deciding', permit: 'restore' }, ['end']],
    ['forming', 'reset', { phase: 'up', sinceMs: 1000 }, ['settle']],
    ['forming', 'resumed', { phase: 'up', sinceMs: 1000 }, ['settle']],
    ['forming', 'failed', { phase: 'ending', after: 'waiting', failures: 1 }, ['end']],
    ['forming', 'failedLate', { phase: 'ending', after: 'waiting', failures: 1 }, ['end']],
    ['forming', 'exited', { phase: 'waiting' }, ['wait']],
    ['forming', 'stop', { phase: 'ending', after: 'stopped' }, ['end']],
    ['forming', 'restore', { phase: 'ending', after: 'deciding' }, ['end']],
    ['resuming', 'resumed', { phase: 'up' }, ['settle']],
    ['resuming', 'reset', { phase: 'ending', after: 'waiting', problem: NETWORK_LOST }, ['network_lost', 'end']],
    ['resuming', 'failed', { phase: 'ending', failures: 3 }, ['end']],
    ['resuming', 'failedLate', { phase: 'ending', failures: 3 }, ['end']],
    ['resuming', 'exited', { phase: 'waiting', failures: 3 }, ['wait']],
    ['resuming', 'stop', { phase: 'ending', after: 'stopped' }, ['end']],
    ['resuming', 'restore', { phase: 'ending', after: 'deciding', problem: gone }, ['end']],
    ['restoring', 'resumed', { phase: 'up' }, ['settle']],
    ['restoring', 'reset', { phase: 'ending', problem: NETWORK_LOST }, ['network_lost', 'end']],
    ['restoring', 'failed', { phase: 'ending', failures: 1 }, ['end']],
    ['restoring', 'failedLate', { phase: 'ending', failures: 1 }, ['end']],
    ['restoring', 'exited', { phase: 'waiting' }, ['wait']],
    ['restoring', 'stop', { phase: 'ending', after: 'stopped' }, ['end']],
    ['restoring', 'restore', { phase: 'ending', after: 'deciding' }, ['end']],
    ['up', 'failed', { phase: 'ending', after: 'waiting', failures: 3, problem: gone }, ['end']],
    ['up', 'failedLate', { phase: 'ending', failures: 1 }, ['end']],
    ['up', 'exited', { phase: 'waiting', failures: 3 }, ['wait']],
    ['up', 'stop', { phase: 'ending', after: 'stopped' }, ['end']],
    ['up', 'restore', { phase: 'ending', after: 'deciding', permit: 'restore', failures: 0 }, ['end']],
    ['failing', 'exited', { phase: 'waiting', failures: 1, problem: gone }, ['wait']],
    ['failing', 'stop', { phase: 'ending', after: 'stopped' }, []],
    ['failing', 'restore', { phase: 'ending', after: 'deciding', permit: 'restore' }, []],
    ['stopping', 'exited', { phase: 'stopped' }, []],
    ['stopping', 'start', { phase: 'ending', after: 'deciding' }, []],
    ['stopping', 'stop', { phase: 'ending', after: 'stopped' }, []],
    ['restarting', 'exited', { phase: 'deciding', permit: 'restore' }, ['decide']],
    ['restarting', 'stop', { phase: 'ending', after: 'stopped' }, []],
    ['waiting', 'waited', { phase: 'deciding', permit: 'none', problem: gone, failures: 1 }, ['decide']],
    ['waiting', 'restore', { phase: 'deciding', permit: 'restore', failures: 0 }, ['cancel_wait', 'decide']],
    ['waiting', 'plugged', { phase: 'deciding', permit: 'none', problem: gone, failures: 1 }, ['cancel_wait', 'decide']],
    ['waiting', 'stop', { phase: 'stopped' }, ['cancel_wait']],
  ];

test.each(ARROWS)('%s, %s', (from, event, to, effects) => {
  const next = step(STATES[from], EVENTS[event]);
  expect(next.state).toMatchObject(to);
  expect(next.effects.map((effect) => effect.do)).toEqual(effects);
});

test('every other event changes nothing', () => {
  const listed = new Set(ARROWS.map(([from, event]) => `${from} ${event}`));
  for (const [from, state] of Object.entries(STATES))
    for (const [name, event] of Object.entries(EVENTS)) {
      if (!listed.has(`${from} ${name}`)) expect(step(state, event), `${from}, ${name}`).toEqual({ state, effects: [] });
    }
});

test('a process that dies at once is started at most twice a minute after a while, and never at the same moment by all hubs', () => {
  const pauses = Array.from({ length: 20 }, (_, failures) => [pauseMs('failed', failures, 0), pauseMs('failed', failures, 0.999)] as const);
  expect(pauses.at(-1)![0]).toBeGreaterThanOrEqual(30_000);
  for (const [shortest, longest] of pauses) {
    expect(longest).toBeGreaterThan(shortest);
    expect(longest).toBeLessThanOrEqual(60_000);
  }
  expect(pauseMs('missing', 9, 0.5)).toBe(2_000);
  expect(pauseMs('network', 0, 0.5)).toBe(30_000);
});

test('a stick that is plugged in begins with a short pause again, whatever failed before', () => {
  const { state } = step({ phase: 'waiting', failures: 40, problem: gone }, { kind: 'plugged' });
  expect(state).toMatchObject({ phase: 'deciding', failures: 4 });
});
