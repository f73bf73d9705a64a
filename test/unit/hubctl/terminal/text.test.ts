import fc from 'fast-check';
import { expect, test } from 'vitest';
import { table } from '../../../../agent/hubctl/terminal/table.ts';
import { field, truncate, widthOf, wrap } from '../../../../agent/hubctl/terminal/text.ts';
import { printable } from '../../../../agent/system/printable.ts';
import { bytes, duration } from '../../../../agent/system/units.ts';

/** Words, blanks, wide characters, escapes and halves of surrogate pairs. */
const hostile = fc
  .array(fc.constantFrom('a', 'word', ' ', '  ', 'ü', '日', '😀', '\u001b[31m', '\n', '\u202e', '\ud800', '-', '"'), { maxLength: 60 })
  .map((parts) => parts.join(''));

test('wrapped lines fit, and lose nothing but blanks', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 10, max: 120 }), (raw, width) => {
      const text = printable(raw);
      const lines = wrap(text, width);
      return lines.every((line) => widthOf(line) <= width) && lines.join('').replaceAll(' ', '') === text.replaceAll(' ', '');
    }),
  );
});

test('a cut text fits', () => {
  expect(truncate('日本語テキスト', 6)).toBe('日本…');
  expect(truncate('short', 5)).toBe('short');
});

/** Columns by wcwidth(3) of glibc, once a control or a mark that turns text was replaced by a dot. */
const NAMES: readonly [string, number][] = [
  ['Büro', 4],
  ['Cafe\u0301', 4],
  ['東京タワー', 10],
  ['한국', 4],
  ['한국'.normalize('NFD'), 4],
  ['🏠Home', 6],
  ['☕', 2],
  ['ﾊﾝｶｸ', 4],
  ['नमस्ते', 4],
  ['👨\u200d👩\u200d👧', 8],
  ['ＷＩＦＩ', 8],
  ['❤\ufe0f', 1],
  ['👍🏽', 4],
  ['🇩🇪', 2],
  ['か\u3099', 2],
  ['a\u202egnp', 5],
  ['\u2067x\u2069', 3],
  ['\u001b[2J', 4],
  ['\u0300', 0],
];

test.each(NAMES)('%j takes %i columns', (name, columns) => expect(widthOf(printable(name))).toBe(columns));

test.each([60, 80, 100])('the columns of a table stand in line at %i columns, whatever networks are called', (width) => {
  const columns = [
    { title: 'SSID', text: ([name]: (typeof NAMES)[number]) => name, optional: 0, flexible: true },
    { title: 'SIGNAL', text: () => '-60', optional: 0 },
    { title: 'SECURITY', text: () => 'wpa2', optional: 1 },
  ];
  const [header = '', ...rows] = table(columns, NAMES, width);
  for (const [index, row] of rows.entries()) {
    const [name, columnsOfName] = NAMES[index]!;
    const blanks = header.indexOf('SIGNAL') - columnsOfName;
    expect(row).toBe(`${printable(name)}${' '.repeat(blanks)}-60${' '.repeat(5)}wpa2`);
  }
});

test('a cut leaves no half of a character, and no mark without its letter', () => {
  expect(truncate('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
  expect(wrap('ab🏠', 3)).toEqual(['ab', '🏠']);
  expect(wrap('東京', 1)).toEqual(['東', '京']);
});

test('a long word is broken, and stands beside its label', () => {
  expect(field('Label', 'abcdefghijklmnop', 8, 18)).toEqual(['Label   abcdefghij', '        klmnop']);
});

test('durations and sizes', () => {
  expect([0, 59, 60, 3_600, 3_660, 86_400, 90_000].map(duration)).toEqual(['0 s', '59 s', '1 m', '1 h', '1 h 1 m', '1 d', '1 d 1 h']);
  expect([0, 999, 1_500, 25_000_000, 8e12].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '25 MB', '8.0 TB']);
});
