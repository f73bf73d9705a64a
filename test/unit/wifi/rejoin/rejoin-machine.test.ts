import { expect, test } from 'vitest';
import { NOTHING_SEEN, nextRejoin, type RejoinState } from '../../../../agent/wifi/rejoin/rejoin-machine.ts';

const LOOK_MS = 30_000;

/** Looks at even distances; gives when each attempt came, in minutes, and at what. */
function attempts(minutes: number, found: (atMinute: number) => number | 'joined'): [number, number][] {
  const made: [number, number][] = [];
  let state: RejoinState = NOTHING_SEEN;
  for (let nowMs = 0; nowMs <= minutes * 60_000; nowMs += LOOK_MS) {
    const next = nextRejoin(state, found(nowMs / 60_000), nowMs);
    state = next.state;
    if (next.join !== null) made.push([nowMs / 60_000, next.join]);
  }
  return made;
}

test('after a minute, then with growing pauses, at most half an hour', () => {
  const times = attempts(240, () => 1).map(([minute]) => minute);
  expect(times.slice(0, 7)).toEqual([1, 2.5, 4.5, 8.5, 16.5, 32.5, 62.5]);
  expect(times.slice(7)).toEqual([92.5, 122.5, 152.5, 182.5, 212.5]);
});

test('several are tried in turn', () => {
  expect(attempts(20, () => 3).map(([, join]) => join)).toEqual([0, 1, 2, 0, 1]);
});

test('a radio that is at work in between has its minute anew', () => {
  expect(attempts(10, (minute) => (minute % 1 === 0 ? 0 : 1))).toEqual([]);
});

test('after a network all begins anew: the best first, after a minute', () => {
  expect(attempts(301, (minute) => (minute > 1 && minute < 300 ? 'joined' : 2))).toEqual([
    [1, 0],
    [301, 0],
  ]);
});

test('nothing to join: nothing is done', () => {
  expect(attempts(60, () => 0)).toEqual([]);
});
