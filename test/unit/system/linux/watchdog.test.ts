import { expect, test } from 'vitest';
import type { MonotonicClock } from '../../../../agent/system/clock.ts';
import { createProbe, createWatchdog } from '../../../../agent/system/linux/watchdog.ts';
import { createLog } from '../../../../agent/system/log.ts';

/** Time in hand; one timer is all that a watchdog has. */
function createHandClock(): MonotonicClock & { pass(ms: number): void } {
  let nowMs = 0;
  let timer: { atMs: number; run: () => void } | null = null;
  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const mine = { atMs: nowMs + delayMs, run };
      timer = mine;
      return () => {
        if (timer === mine) timer = null;
      };
    },
    pass(ms) {
      const end = nowMs + ms;
      while (timer && timer.atMs <= end) {
        const { atMs, run } = timer;
        timer = null;
        nowMs = atMs;
        run();
      }
      nowMs = end;
    },
  };
}

function setUp(watchdogMs: number | null) {
  const clock = createHandClock();
  const lines: string[] = [];
  let signs = 0;
  const notify = { ready() {}, stopping() {}, status() {}, alive: () => void signs++, watchdogMs };
  const watchdog = createWatchdog({ notify, clock, log: createLog('info', { write: (line: string) => void lines.push(line) }) });
  return { clock, watchdog, lines, signs: () => signs };
}

test('Three signs of life in a period, from the start to the stop', () => {
  const { clock, watchdog, signs } = setUp(60_000);
  watchdog.start();
  clock.pass(60_000);
  expect(signs()).toBe(4);
  watchdog.stop();
  clock.pass(600_000);
  expect(signs()).toBe(4);
});

test('Without a watchdog nothing is said', () => {
  const { clock, watchdog, signs } = setUp(null);
  watchdog.start();
  clock.pass(600_000);
  expect(signs()).toBe(0);
});

test('While one part is stuck there is no sign, the log names it, and it may come back', () => {
  const { clock, watchdog, signs, lines } = setUp(60_000);
  let isAlive = true;
  watchdog.require('commands', () => isAlive);
  watchdog.require('cloud', () => true);
  watchdog.start();
  isAlive = false;
  clock.pass(60_000);
  expect(signs()).toBe(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ event: 'watchdog_withheld', stuck: ['commands'] });
  isAlive = true;
  clock.pass(20_000);
  expect(signs()).toBe(2);
});

test('A trial that hangs is dead after its limit, and alive again when it ends; failing is ending', async () => {
  const clock = createHandClock();
  const trials: PromiseWithResolvers<void>[] = [];
  const isAlive = createProbe({
    clock,
    limitMs: 1_000,
    attempt() {
      const trial = Promise.withResolvers<void>();
      trials.push(trial);
      return trial.promise;
    },
  });
  expect(isAlive()).toBe(true);
  clock.pass(999);
  expect(isAlive()).toBe(true);
  clock.pass(1);
  expect(isAlive()).toBe(false);
  expect(trials).toHaveLength(1);
  trials[0]!.reject(new Error('no such folder'));
  await trials[0]!.promise.catch(() => {});
  await Promise.resolve();
  expect(isAlive()).toBe(true);
  expect(trials).toHaveLength(2);
});
