import { expect, test } from 'vitest';
import { createLogRing, MAX_FOLLOWERS, MAX_LINE_CHARACTERS, MAX_RING_CHARACTERS, MAX_RING_LINES } from '../../../agent/control/log-ring.ts';

test('keeps the last lines, however they come', () => {
  const ring = createLogRing();
  ring.write('one\ntwo\n');
  ring.write('three\n');
  expect(ring.last(2)).toEqual(['two', 'three']);
  expect(ring.last(0)).toEqual([]);
  expect(ring.last(100)).toEqual(['one', 'two', 'three']);
});

test('is bounded in lines and in characters', () => {
  const ring = createLogRing();
  for (let index = 0; index < 3 * MAX_RING_LINES; index += 1) ring.write(`${index}\n`);
  const lines = ring.last(Number.MAX_SAFE_INTEGER);
  expect(lines).toHaveLength(MAX_RING_LINES);
  expect(lines.at(-1)).toBe(String(3 * MAX_RING_LINES - 1));

  for (let index = 0; index < 300; index += 1) ring.write(`${'x'.repeat(8_000)}\n`);
  const characters = ring.last(Number.MAX_SAFE_INTEGER).reduce((sum, line) => sum + line.length, 0);
  expect(characters).toBeLessThanOrEqual(MAX_RING_CHARACTERS);
});

test('cuts a line that is too long, and it is still JSON', () => {
  const ring = createLogRing();
  ring.write(`${JSON.stringify({ msg: '"'.repeat(MAX_LINE_CHARACTERS) })}\n`);
  expect(JSON.parse(ring.last(1)[0]!)).toMatchObject({ event: 'log_line_cut' });
});

test('tells followers, a bounded number of them', () => {
  const ring = createLogRing();
  const heard: string[] = [];
  const ends = Array.from({ length: MAX_FOLLOWERS }, () => ring.follow((line) => heard.push(line)));
  expect(ring.follow(() => {})).toBeNull();
  ring.write('x\n');
  expect(heard).toHaveLength(MAX_FOLLOWERS);
  for (const end of ends) end!();
  ring.write('y\n');
  expect(heard).toHaveLength(MAX_FOLLOWERS);
});
