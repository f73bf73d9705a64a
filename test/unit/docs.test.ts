import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { checkDocuments } from '../../scripts/lint/documents.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

test.each(['docs/security.md', 'docs/threat-model.md', 'SECURITY.md'])('every file that %s names is there', (name) => {
  const paths = [...read(name).matchAll(/`((?:test|docs|agent|scripts)\/[^`*\s]+)`/g)].map(([, path]) => path!);
  for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

/** How many provisions each clause of EN 303 645 V2.1.1 has. */
const CLAUSES = [
  ['5.1', 5],
  ['5.2', 3],
  ['5.3', 16],
  ['5.4', 4],
  ['5.5', 8],
  ['5.6', 9],
  ['5.7', 2],
  ['5.8', 3],
  ['5.9', 3],
  ['5.10', 1],
  ['5.11', 4],
  ['5.12', 3],
  ['5.13', 1],
  ['6', 5],
] as const;

test('the table has each provision of EN 303 645 once; what is done has a test or a document, what is partly done says what is lacking', () => {
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const wanted = CLAUSES.flatMap(([clause, count]) => Array.from({ length: count }, (_, index) => `${clause}-${index + 1}`));
  expect(rows.map(([provision]) => provision)).toEqual(wanted);
  for (const [provision, , state, ours, tests, lacking] of rows) {
    expect(['Yes', 'Partial', 'Image', 'Vendor', '–'], provision).toContain(state);
    if (state === 'Yes') expect(ours, provision).not.toBe('');
    if (state === 'Yes' && tests === '') expect(ours, provision).toMatch(/docs\/operations|SECURITY\.md|package/);
    if (state === 'Partial') expect(lacking, provision).not.toBe('');
  }
});

test('each question of "Where is it decided?" is answered by a function that its file defines', () => {
  const [, section = ''] = read('docs/architecture.md').split('## Where is it decided?\n');
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| question'));
  expect(rows.length).toBeGreaterThanOrEqual(16);
  for (const row of rows) expect(row, row).toMatch(/^\| [^|]+\? \| .*`(agent|scripts|test)\/[\w./-]+\.ts` `\w+`|^\| [^|]+\? \| `systemd\//);
  expect(checkDocuments(ROOT).problems).toEqual([]);
});
