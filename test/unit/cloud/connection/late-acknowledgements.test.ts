import { expect, test } from 'vitest';
import { createLateAcknowledgements, LATEST_MS, MOST, QUIET_MS } from '../../../../agent/cloud/connection/late-acknowledgements.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';

function make() {
  const clock = createSteppedClock();
  const late = createLateAcknowledgements({ clock });
  const sent: { name: string; atMs: number }[] = [];
  const add = (name: string) => late.add(() => sent.push({ name, atMs: clock.nowMs() }));
  return { clock, late, sent, add };
}

test('messages are acknowledged in their order, when nothing was published for a while', () => {
  const { clock, late, sent, add } = make();
  add('a');
  clock.step(QUIET_MS - 1);
  late.published();
  add('b');
  clock.step(QUIET_MS - 1);
  expect(sent).toEqual([]);
  clock.step(1);
  expect(sent.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(clock.timers).toBe(0);
});

test('however much is published, none is later than the limit', () => {
  const { clock, late, sent, add } = make();
  add('a');
  for (let ms = 0; ms < LATEST_MS; ms += 10) {
    clock.step(10);
    late.published();
  }
  expect(sent).toEqual([{ name: 'a', atMs: LATEST_MS }]);
});

test('a flood is acknowledged before the server stops sending', () => {
  const { sent, add } = make();
  for (let index = 0; index < MOST; index += 1) add(String(index));
  expect(sent).toHaveLength(MOST);
});

test('at the end of a link nothing waits: flushed, or let go', () => {
  const flushed = make();
  flushed.add('a');
  flushed.late.flush();
  flushed.late.flush();
  expect(flushed.sent.map(({ name }) => name)).toEqual(['a']);
  expect(flushed.clock.timers).toBe(0);

  const gone = make();
  gone.add('a');
  gone.late.end();
  gone.clock.step(LATEST_MS);
  expect(gone.sent).toEqual([]);
});
