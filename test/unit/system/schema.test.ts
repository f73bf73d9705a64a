import { expect, test } from 'vitest';
import { check, parsed, type Schema } from '../../../agent/system/schema.ts';

const NAME: Schema = { type: 'string', minLength: 1, maxLength: 3, pattern: '^[a-z]*$' };
const PAIR: Schema = {
  type: 'object',
  properties: { a: NAME, b: { type: ['integer', 'null'], minimum: 0, maximum: 9 } },
  required: ['a', 'b'],
};

test('a value that fits is taken, without the keys that the schema does not know', () => {
  expect(check(PAIR, { a: 'abc', b: null, more: 1 })).toEqual({ ok: true, value: { a: 'abc', b: null } });
  expect(check({ ...PAIR, additionalProperties: true }, { a: 'a', b: 1, more: { deep: 1 } })).toEqual({
    ok: true,
    value: { a: 'a', b: 1, more: { deep: 1 } },
  });
  expect(check({ type: 'object' }, { any: [1] })).toEqual({ ok: true, value: { any: [1] } });
});

test('the first field that does not fit is named, with what it must be, and nothing of its value', () => {
  const faults: [unknown, string, RegExp][] = [
    [null, '', /object/],
    [[], '', /object/],
    [{ b: 1 }, 'a', /missing/],
    [{ a: 'secret', b: 1 }, 'a', /at most 3/],
    [{ a: '', b: 1 }, 'a', /at least 1/],
    [{ a: 'A', b: 1 }, 'a', /as /],
    [{ a: 'a', b: 1.5 }, 'b', /integer or null/],
    [{ a: 'a', b: 10 }, 'b', /at most 9/],
    [{ a: 'a', b: -1 }, 'b', /at least 0/],
    [{ a: 'a', b: '1' }, 'b', /integer or null/],
  ];
  for (const [value, field, message] of faults) {
    const result = check(PAIR, value);
    expect(result).toEqual({ ok: false, field, message: expect.stringMatching(message) });
    expect(JSON.stringify(result)).not.toContain('secret');
  }
  expect(check({ type: 'array', items: PAIR, maxItems: 2 }, [{ a: 'a', b: 0 }, { a: 'a' }])).toMatchObject({ field: '[1].b' });
  expect(check({ properties: { list: { type: 'array', items: NAME } } }, { list: ['a', 1] })).toMatchObject({ field: 'list[1]' });
  expect(check({ type: 'array', minItems: 1, maxItems: 2 }, [1, 2, 3])).toMatchObject({ ok: false });
  expect(check({ ...PAIR, additionalProperties: false }, { a: 'a', b: 1, c: 1 })).toMatchObject({ field: 'c' });
  expect(check({ enum: ['x', 1, null] }, 'y')).toMatchObject({ message: 'must be one of "x", 1, null' });
  expect(check({ const: 1 }, '1')).toMatchObject({ message: 'must be 1' });
});

test('of several choices the first that fits is taken; none: the first fault counts', () => {
  const choice: Schema = { anyOf: [{ type: 'null' }, PAIR, { type: 'string' }] };
  expect(check(choice, 'text')).toEqual({ ok: true, value: 'text' });
  expect(check(choice, { a: 'a', b: 1 })).toMatchObject({ ok: true });
  expect(check(choice, 1)).toMatchObject({ ok: false, message: 'must be null' });
});

test('defaults are filled in, each a value of its own, and have defaults themselves', () => {
  const inner: Schema = {
    type: 'object',
    properties: { n: { type: 'number', default: 7 }, list: { type: 'array', default: [1] } },
    default: {},
  };
  const outer: Schema = { type: 'object', properties: { inner } };
  const [first, second] = [check(outer, {}), check(outer, {})];
  expect(first).toEqual({ ok: true, value: { inner: { n: 7, list: [1] } } });
  const listOf = (result: unknown) => (result as { value: { inner: { list: number[] } } }).value.inner.list;
  expect(listOf(first)).not.toBe(listOf(second));
});

test('hostile values are faults or data, and touch nothing else', () => {
  const deep: Schema = { type: 'object', properties: {} };
  (deep.properties as Record<string, Schema>).in = deep;
  let value: unknown = {};
  for (let level = 0; level < 1_000; level += 1) value = { in: value };
  expect(check(deep, value)).toMatchObject({ ok: false });
  const polluting: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 1, "a": "a", "b": 1}');
  expect(check(PAIR, polluting)).toEqual({ ok: true, value: { a: 'a', b: 1 } });
  expect(check({ ...PAIR, additionalProperties: false }, polluting)).toMatchObject({ ok: false });
  expect(check(PAIR, Object.create({ a: 'a', b: 1 }))).toMatchObject({ field: 'a' });
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  for (const odd of [undefined, () => 1, Symbol('x'), 1n, Number.NaN, Number.POSITIVE_INFINITY])
    expect(check({ type: ['number', 'object', 'string'] }, odd)).toMatchObject({ ok: false });
});

test('parsed throws what it is told', () => {
  expect(parsed(NAME, 'abc', 'no name')).toBe('abc');
  expect(() => parsed(NAME, 'SECRET', 'no name')).toThrow(/^no name$/);
});
