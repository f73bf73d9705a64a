import { expect, test } from 'vitest';
import { table } from '../../../../agent/hubctl/terminal/table.ts';
import { wrap } from '../../../../agent/hubctl/terminal/text.ts';

test('a table leaves optional columns out before it cuts, and says which', () => {
  const columns = [
    { title: 'NAME', text: () => 'a-long-name', optional: 0, flexible: true },
    { title: 'STATE', text: () => 'ok', optional: 0 },
    { title: 'MORE', text: () => 'x'.repeat(20), optional: 1 },
  ];
  const NOTICE = ['Too narrow for these', 'columns: MORE;', '--json has them.'];
  expect(table(columns, [0], 60)).toHaveLength(2);
  expect(table(columns, [0], 60)[0]).toContain('MORE');
  expect(table(columns, [0], 20)).toEqual(['NAME         STATE', 'a-long-name  ok', ...NOTICE]);
  expect(table(columns, [0], 16)).toEqual(['NAME       STATE', 'a-long-n…  ok', ...wrap(NOTICE.join(' '), 16)]);
});

test('a flexible column with a width of its own has an optional one left out before it is cut below that', () => {
  const columns = [
    { title: 'NAME', text: () => 'a-name-of-twenty-one-', optional: 0, flexible: 20 },
    { title: 'ID', text: () => 'x'.repeat(10), optional: 1 },
  ];
  expect(table(columns, [0], 32)[1]).toBe('a-name-of-twenty-on…  xxxxxxxxxx');
  expect(table(columns, [0], 31)[1]).toBe('a-name-of-twenty-one-');
  expect(table(columns, [0], 12)[1]).toBe('a-name-of-t…');
});

test('what one flexible column does not need, another one gets', () => {
  const columns = [
    { title: 'A', text: () => 'short', optional: 0, flexible: true },
    { title: 'B', text: () => 'a text that is long', optional: 0, flexible: true },
  ];
  expect(table(columns, [0], 26)[1]).toBe('short  a text that is long');
  expect(table(columns, [0], 20)[1]).toBe('short  a text that …');
});
