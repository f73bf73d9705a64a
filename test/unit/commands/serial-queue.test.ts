import { expect, test } from 'vitest';
import { createSerialQueue } from '../../../agent/commands/serial-queue.ts';
import { createSteppedClock, settled } from '../../support/stepped-clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

test('One after the other; what fails is logged and holds up nobody', async () => {
  const log = createFakeLog();
  const queue = createSerialQueue({ clock: createSteppedClock(), log });
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  queue.add(() => first.promise.then(() => void done.push('first')));
  queue.add(() => Promise.reject(new Error('a bug')));
  queue.add(async () => void done.push('third'));
  await settled();
  expect(done).toEqual([]);
  first.resolve();
  await queue.done();
  expect(done).toEqual(['first', 'third']);
  expect(log.lines.map(({ event }) => event)).toEqual(['commands_bug']);
});

test('Work that hangs is no progress after two minutes; however long the line, one that moves is', async () => {
  const clock = createSteppedClock();
  const queue = createSerialQueue({ clock, log: createFakeLog() });
  const hung = Promise.withResolvers<void>();
  queue.add(() => hung.promise);
  await clock.advance(119_000);
  expect(queue.isProgressing()).toBe(true);
  await clock.advance(2_000);
  expect(queue.isProgressing()).toBe(false);
  hung.resolve();
  await queue.done();
  expect(queue.isProgressing()).toBe(true);
});
