import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkDocuments } from '../../../../scripts/lint/documents.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

const SOURCE = `import { brought } from './b.ts';
/** said */
export function here() {
  return { brought, other: 1, method() { called(brought); } };
}
export interface Port { signature(): void; field: number }
export type Word = 'a';
const LIMIT = 1;
`;

async function treeOf(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'hub-documents-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

test('what the documents link to and look up is there', () => {
  const { documents, names, problems } = checkDocuments(ROOT);
  expect(problems).toEqual([]);
  expect(documents).toEqual(
    expect.arrayContaining(['README.md', 'docs/follow-a-command.md', 'agent/contract/CONTRACT.md', 'test/README.md']),
  );
  expect(names).toBeGreaterThan(150);
});

test.each([
  ['a link', '[more](docs/gone.md)', 'README.md: links to docs/gone.md, which is not there'],
  ['a link with an anchor', '[more](docs/gone.md#here)', 'README.md: links to docs/gone.md, which is not there'],
  ['a path', 'see `test/gone/`', 'README.md: names test/gone/, which is not there'],
  ['a function', '`agent/a.ts` `here`, `gone`', 'README.md: looks for gone in agent/a.ts, which does not define it'],
  ['a part of a name', '`agent/a.ts` `her`', 'README.md: looks for her in agent/a.ts, which does not define it'],
  ['a name that the file only imports', '`agent/a.ts` `brought`', 'README.md: looks for brought in agent/a.ts, which does not define it'],
  ['a name that the file only calls', '`agent/a.ts` `called`', 'README.md: looks for called in agent/a.ts, which does not define it'],
  ['a name in a comment', '`agent/a.ts` `said`', 'README.md: looks for said in agent/a.ts, which does not define it'],
])('%s that leads nowhere is a problem', async (_what, text, problem) => {
  const root = await treeOf({ 'README.md': text, 'agent/a.ts': SOURCE });
  expect(checkDocuments(root).problems).toEqual([problem]);
});

test('links to other places, to folders and to a part of the same page are taken', async () => {
  const text = '[a](https://example.com) [b](#part) [c](agent/) `agent/a.ts` `here`';
  const root = await treeOf({ 'README.md': text, 'agent/a.ts': 'export function here() {}\n' });
  expect(checkDocuments(root)).toEqual({ documents: ['README.md'], names: 1, problems: [] });
});

test('functions, members, types and constants are definitions', async () => {
  const text = '`agent/a.ts` `here`, `other`, `method`, `Port`, `signature`, `field`, `Word`, `LIMIT`';
  const root = await treeOf({ 'README.md': text, 'agent/a.ts': SOURCE });
  expect(checkDocuments(root)).toEqual({ documents: ['README.md'], names: 8, problems: [] });
});

test('editors and version managers are told the Node of package.json', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: { node: string } };
  expect(read('.node-version').trim()).toBe(dependencies.node);
  const NODE = join(ROOT, 'node_modules/node/bin/node');
  const resolved = (path: string) => path.replace(/^\$\{workspaceFolder\}/, ROOT);
  const launch = JSON.parse(read('.vscode/launch.json')) as { configurations: { runtimeExecutable: string; program: string }[] };
  for (const { runtimeExecutable, program } of launch.configurations) {
    expect(resolved(runtimeExecutable)).toBe(NODE);
    expect(existsSync(resolved(program)), program).toBe(true);
  }
  const settings = JSON.parse(read('.vscode/settings.json')) as Record<string, string>;
  expect(resolved(settings['vitest.nodeExecutable'] ?? '')).toBe(NODE);
});
