import { expect, test } from 'vitest';
import {
  BYTES_PER_SECOND,
  createPublishPace,
  MAX_MESSAGE_BYTES,
  PUBLISHES_PER_SECOND,
} from '../../../../agent/cloud/connection/publish-pace.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';

/** Asks for all turns at once, and lets time pass until the last one has come. */
async function sentTimes(sizes: readonly number[]) {
  const clock = createSteppedClock();
  const pace = createPublishPace({ clock });
  const sent: { index: number; atMs: number; bytes: number }[] = [];
  for (const [index, bytes] of sizes.entries()) void pace.turn(bytes).then(() => sent.push({ index, atMs: clock.nowMs(), bytes }));
  await settled();
  const atOnce = sent.length;
  while (sent.length < sizes.length) await clock.advance(10);
  return { sent, atOnce };
}

/** The most of anything in one second, wherever it begins. */
const busiestSecond = (sent: readonly { atMs: number; bytes: number }[], weight: (each: { bytes: number }) => number) =>
  Math.max(
    ...sent.map(({ atMs: from }) =>
      sent.filter(({ atMs }) => atMs >= from && atMs < from + 1_000).reduce((sum, each) => sum + weight(each), 0),
    ),
  );

test('what an ordinary session publishes waits for nothing', async () => {
  const { atOnce } = await sentTimes(Array.from({ length: PUBLISHES_PER_SECOND }, () => 1_000));
  expect(atOnce).toBe(PUBLISHES_PER_SECOND);
});

test('a flood stays below the limit of publishes in each second, and in order', async () => {
  const { sent } = await sentTimes(Array.from({ length: 400 }, () => 10));
  expect(sent.map(({ index }) => index)).toEqual(Array.from({ length: 400 }, (_, index) => index));
  expect(busiestSecond(sent, () => 1)).toBeLessThanOrEqual(PUBLISHES_PER_SECOND);
  expect(sent.at(-1)!.atMs - sent[0]!.atMs).toBeLessThanOrEqual(4_500);
});

test('large messages stay below the limit of bytes in each second', async () => {
  const { sent } = await sentTimes(Array.from({ length: 20 }, () => MAX_MESSAGE_BYTES));
  expect(busiestSecond(sent, ({ bytes }) => bytes)).toBeLessThanOrEqual(BYTES_PER_SECOND);
  expect(sent.at(-1)!.atMs - sent[0]!.atMs).toBeLessThanOrEqual(7_000);
});

test('after a pause there is no wait again', async () => {
  const clock = createSteppedClock();
  const pace = createPublishPace({ clock });
  for (let index = 0; index < PUBLISHES_PER_SECOND; index += 1) void pace.turn(10);
  await clock.advance(5_000);
  let ready = false;
  void pace.turn(10).then(() => {
    ready = true;
  });
  await settled();
  expect(ready).toBe(true);
});

test('a process that stood still sends what is overdue no faster', async () => {
  const clock = createSteppedClock();
  const pace = createPublishPace({ clock });
  const sent: { atMs: number; bytes: number }[] = [];
  for (let index = 0; index < 270; index += 1) void pace.turn(10).then(() => sent.push({ atMs: clock.nowMs(), bytes: 10 }));
  await settled();
  clock.stall(2_500);
  while (sent.length < 270) await clock.advance(10);
  expect(busiestSecond(sent, () => 1)).toBeLessThanOrEqual(PUBLISHES_PER_SECOND);
});

test('when the link is gone nothing waits, and no timer is left', async () => {
  const clock = createSteppedClock();
  const pace = createPublishPace({ clock });
  const all = Promise.all(Array.from({ length: 300 }, () => pace.turn(10)));
  await settled();
  pace.end();
  await all;
  expect(clock.timers).toBe(0);
});
