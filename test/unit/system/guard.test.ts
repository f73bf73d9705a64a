import { expect, test } from 'vitest';
import { createGuards, guardedClock } from '../../../agent/system/guard.ts';
import type { Log } from '../../../agent/system/log.ts';

function setUp() {
  let nowMs = 0;
  const lines: Record<string, unknown>[] = [];
  const log = { error: (fields: Record<string, unknown>) => void lines.push(fields) } as unknown as Log;
  const guards = createGuards({ log, clock: { nowMs: () => nowMs }, wallClock: { nowMs: () => 1_000 + nowMs } });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { ...guards, lines, pass };
}

test('A throw, a rejection and a thrown text are counted by place, and nothing comes out', async () => {
  const { guard, faults } = setUp();
  guard('message', () => {
    throw new Error('one');
  })();
  guard('message', () => Promise.reject(new Error('two')))();
  guard('signal', () => {
    throw 'a text';
  })();
  await Promise.resolve();
  expect(faults()).toEqual([
    { place: 'message', count: 2, lastAt: 1_000 },
    { place: 'signal', count: 1, lastAt: 1_000 },
  ]);
});

test('Each place is logged at most once a minute, with place, count and stack', () => {
  const { guard, lines, pass } = setUp();
  const fail = guard('message', () => {
    throw new Error('again');
  });
  for (let time = 0; time < 100; time += 1) fail();
  guard('signal', () => {
    throw new Error('other');
  })();
  expect(lines.map(({ place, count }) => [place, count])).toEqual([
    ['message', 1],
    ['signal', 1],
  ]);
  pass(60_000);
  fail();
  expect(lines.at(-1)).toMatchObject({ event: 'fault_caught', place: 'message', count: 101 });
  expect(String((lines.at(-1) as { err: Error }).err.stack)).toContain('guard.test');
});

test('What does not fail passes with its arguments, and leaves no fault', () => {
  const { guard, faults } = setUp();
  const seen: unknown[] = [];
  guard('message', (a: number, b: string) => seen.push(a, b))(1, 'x');
  expect(seen).toEqual([1, 'x']);
  expect(faults()).toEqual([]);
});

test('A timer that throws is a fault of its own place, and stays cancellable', () => {
  const { guard, faults } = setUp();
  const runs: (() => void)[] = [];
  let cancelled = 0;
  const schedule = (_: number, run: () => void) => {
    runs.push(run);
    return () => {
      cancelled += 1;
    };
  };
  const clock = guardedClock({ nowMs: () => 7, schedule }, guard);
  clock.schedule(5, () => {
    throw new Error('late');
  })();
  runs[0]!();
  expect([clock.nowMs(), cancelled]).toEqual([7, 1]);
  expect(faults()).toMatchObject([{ place: 'timer', count: 1 }]);
});
