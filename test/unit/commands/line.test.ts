import { expect, test } from 'vitest';
import { createLine } from '../../../agent/commands/line.ts';
import { createSteppedClock, settled } from '../nodes/clock.ts';
import { createFakeLog } from '../nodes/fakes.ts';

test('One after the other; what fails is logged and holds up nobody', async () => {
  const log = createFakeLog();
  const line = createLine({ clock: createSteppedClock(), log });
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  line.add(() => first.promise.then(() => void done.push('first')));
  line.add(() => Promise.reject(new Error('a bug')));
  line.add(async () => void done.push('third'));
  await settled();
  expect(done).toEqual([]);
  first.resolve();
  await line.done();
  expect(done).toEqual(['first', 'third']);
  expect(log.lines.map(({ event }) => event)).toEqual(['commands_bug']);
});

test('Work that hangs is no progress after two minutes; however long the line, one that moves is', async () => {
  const clock = createSteppedClock();
  const line = createLine({ clock, log: createFakeLog() });
  const hung = Promise.withResolvers<void>();
  line.add(() => hung.promise);
  await clock.advance(119_000);
  expect(line.isProgressing()).toBe(true);
  await clock.advance(2_000);
  expect(line.isProgressing()).toBe(false);
  hung.resolve();
  await line.done();
  expect(line.isProgressing()).toBe(true);
});
