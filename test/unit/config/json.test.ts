import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../../agent/config/json.ts';

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text), duplicates: [] });
    }),
  );
});

test('refuses exactly what JSON.parse refuses', () => {
  const fragment = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '01',
    '1.',
    '1e5',
    'true',
    'nul',
    ' ',
    '\n',
    "'",
    '\\',
    '/',
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 8 }), (fragments) => {
      const text = fragments.join('');
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(parseJson(text).ok).toBe(valid);
    }),
    { numRuns: 2000 },
  );
});

test('every cut of a file is found where it was cut', () => {
  const text = '{\n  "a": [1, 2.5, {"b": "x\\n"}],\n  "c": null\n}';
  for (let length = 0; length < text.length; length++) expect(parseJson(text.slice(0, length)).ok).toBe(false);
});

test.each([
  ['{"a": 1,}', 1, 9, 'comma before it'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, '","'],
  ['{\n  // note\n}', 2, 3, 'Remove the comment'],
  ["{'a': 1}", 1, 2, 'Use "'],
  ['{"a": "x\n"}', 1, 7, 'Close it'],
  ['{"a": "C:\\dir"}', 1, 7, '\\\\'],
  ['{"a": 1', 1, 8, 'Complete the file'],
  ['{} {}', 1, 4, 'the end of the file'],
  ['[1 "x"]', 1, 4, '","'],
])('%j: line %i, column %i', (text, line, column, remedy) => {
  const result = parseJson(text);
  expect(result).toMatchObject({ ok: false, fault: { line, column, remedy: expect.stringContaining(remedy) } });
});

test('finds keys that stand twice, also when they are spelled differently', () => {
  const result = parseJson('{"a": {"b": 1,\n "\\u0062": 2}, "c": [{}, {"d": 1, "d": 2}]}');
  expect(result).toMatchObject({
    ok: true,
    duplicates: [
      { field: 'a.b', line: 2 },
      { field: 'c[1].d', line: 2 },
    ],
  });
});
