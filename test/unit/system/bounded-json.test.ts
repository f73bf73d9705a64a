import { expect, test } from 'vitest';
import { boundDepth, MAX_JSON_DEPTH, parseBounded, TOO_DEEP } from '../../../agent/system/bounded-json.ts';

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);

test('What is shallow enough comes as it is', () => {
  const text = JSON.stringify({ a: [{ b: null }, 1, 'x'], c: true });
  expect(JSON.stringify(parseBounded(text))).toBe(text);
  expect(JSON.stringify(parseBounded(nested(MAX_JSON_DEPTH)))).toBe(nested(MAX_JSON_DEPTH));
  for (const text of ['null', '1', '"x"', 'true']) expect(JSON.stringify(parseBounded(text))).toBe(text);
});

test.each([
  ['lists', nested(60_000)],
  ['objects', `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`],
  ['objects under __proto__', `${'{"__proto__":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
])('Deep %s are cut, so that what recurses has stack enough', (_, text) => {
  const value = parseBounded(text);
  expect(JSON.stringify(value)).toContain(TOO_DEEP);
  expect(JSON.stringify(value).length).toBeLessThan(1_000);
});

test('One deep branch costs its neighbours nothing', () => {
  expect(boundDepth({ deep: JSON.parse(nested(1_000)), name: 'x', list: [1, { two: 2 }] })).toMatchObject({
    name: 'x',
    list: [1, { two: 2 }],
  });
});

test('A wide document is bounded in no time', () => {
  const wide = `[${Array.from({ length: 50_000 }, () => '{"a":[]}').join(',')}]`;
  expect((parseBounded(wide) as unknown[]).length).toBe(50_000);
});
