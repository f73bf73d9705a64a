import { expect, test } from 'vitest';
import { createExpiryWatch } from '../../../agent/system/expiry.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const DAY_MS = 86_400_000;

function make(expiresAtMs: number) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const wall = { trusted: true, nowMs: () => clock.nowMs() };
  const reported: unknown[] = [];
  const watch = createExpiryWatch({
    expiresAtMs,
    clockTrusted: () => wall.trusted,
    wallClock: wall,
    clock,
    log,
    report: (certificate) => void reported.push(certificate),
  });
  return { clock, log, wall, reported, watch };
}

test('Nothing is said until 30 days before the end; then a line a day, an error in the last week', async () => {
  const { clock, log, watch, reported } = make(40.5 * DAY_MS);
  watch.start();
  await clock.advance(10 * DAY_MS);
  expect(log.lines).toEqual([]);
  // What the process before still shows, of a certificate that was changed, goes.
  expect(new Set(reported)).toEqual(new Set([undefined]));
  await clock.advance(32 * DAY_MS);
  const days = log.lines.map((line) => line.days);
  expect(days).toEqual([...Array.from({ length: 30 }, (_, index) => 29 - index), -1, -2].slice(0, days.length));
  expect(days).toContain(0);
  expect(log.lines.every(({ event }) => event === 'certificate_expires')).toBe(true);
  expect(reported.at(-1)).toEqual({ expiresAt: new Date(40.5 * DAY_MS).toISOString() });
  watch.stop();
  const said = log.lines.length;
  await clock.advance(5 * DAY_MS);
  expect(log.lines).toHaveLength(said);
});

test('a clock that was never set says nothing of the certificate', async () => {
  const { clock, log, wall, watch, reported } = make(5 * DAY_MS);
  wall.trusted = false;
  watch.start();
  await clock.advance(2 * DAY_MS);
  expect([log.lines, reported]).toEqual([[], []]);
  wall.trusted = true;
  await clock.advance(60_000);
  expect(log.lines).toMatchObject([{ days: 2 }]);
  expect(reported).toHaveLength(1);
  watch.stop();
});
