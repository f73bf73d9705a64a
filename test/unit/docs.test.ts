import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

test.each(['docs/security.md', 'docs/threat-model.md', 'SECURITY.md'])('every file that %s names is there', (name) => {
  const paths = [...read(name).matchAll(/`((?:test|docs|agent|scripts)\/[^`*\s]+)`/g)].map(([, path]) => path!);
  for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
});

/** The answers of a table of questions: a path, and the names behind it up to the next path. */
function answersOf(cell: string): { path: string; names: string[] }[] {
  return [...cell.matchAll(/`([\w/.-]+\.ts)`((?:,? `\w+`)*)/g)].map(([, path, list]) => ({
    path: path!,
    names: [...list!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  }));
}

test('a newcomer finds the file and the function for each question, and the function is defined there', () => {
  const rows = read('docs/README.md')
    .split('\n')
    .filter((line) => /^\| [A-Z].*\? \|/.test(line));
  expect(rows.length).toBeGreaterThanOrEqual(10);
  for (const row of rows) {
    const [, question = '', cell = ''] = row.split('|');
    const answers = answersOf(cell);
    expect(answers.length, question).toBeGreaterThan(0);
    for (const { path, names } of answers) {
      expect(names.length, `${question}: ${path}`).toBeGreaterThan(0);
      for (const name of names) {
        const definition = new RegExp(`^\\s*(?:export )?(?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`, 'm');
        expect(read(path), `${name} in ${path}`).toMatch(definition);
      }
    }
  }
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
    expect(['Yes', 'Part', 'Image', 'Vendor', '–'], provision).toContain(state);
    if (state === 'Yes') expect(ours, provision).not.toBe('');
    if (state === 'Yes' && tests === '') expect(ours, provision).toMatch(/docs\/operations|SECURITY\.md|package/);
    if (state === 'Part') expect(lacking, provision).not.toBe('');
  }
});
