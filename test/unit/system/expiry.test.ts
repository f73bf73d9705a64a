import { expect, test } from 'vitest';
import { createExpiryWatch } from '../../../agent/system/expiry.ts';
import { createSteppedClock } from '../nodes/clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const DAY_MS = 86_400_000;

test('Nothing is said until 30 days before the end; then a line a day, an error in the last week', async () => {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const watch = createExpiryWatch({ expiresAtMs: 40.5 * DAY_MS, wallClock: { nowMs: () => clock.nowMs() }, clock, log });
  watch.start();
  await clock.advance(10 * DAY_MS);
  expect(log.lines).toEqual([]);
  await clock.advance(32 * DAY_MS);
  const days = log.lines.map((line) => line.days);
  expect(days).toEqual([...Array.from({ length: 30 }, (_, index) => 29 - index), -1, -2].slice(0, days.length));
  expect(days).toContain(0);
  expect(log.lines.every(({ event }) => event === 'certificate_expires')).toBe(true);
  watch.stop();
  const said = log.lines.length;
  await clock.advance(5 * DAY_MS);
  expect(log.lines).toHaveLength(said);
});
