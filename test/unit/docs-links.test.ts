import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** Every document of the project. */
const DOCUMENTS = globSync('{,agent/**/,docs/**/,scripts/**/,test/**/}*.md', { cwd: ROOT }).sort();

/** `path` `name`, `name`: a file, and what is to be found in it. */
const NAMED = /`((?:agent|scripts|test)\/[\w./-]+\.ts)`((?:,? `[A-Za-z_]\w*`)+)/g;

test.each(DOCUMENTS)('%s: what it links to exists, and what it finds in a file is there', (name) => {
  const text = read(name);
  for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    expect(existsSync(join(ROOT, dirname(name), target!)), `${name} links to ${target}`).toBe(true);
  }
  for (const [, path] of text.matchAll(/`((?:agent|scripts|docs|systemd|test)\/[\w./-]+)`/g)) {
    expect(existsSync(join(ROOT, path!)), `${name} names ${path}`).toBe(true);
  }
  for (const [, path, names] of text.matchAll(NAMED)) {
    const source = read(path!);
    for (const [, found] of names!.matchAll(/`(\w+)`/g)) {
      expect(new RegExp(`\\b${found}\\b`).test(source), `${name} looks for ${found} in ${path}`).toBe(true);
    }
  }
});

test('the documents are found, and the map of the code names functions, so that this test has something to check', () => {
  expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'agent/contract/CONTRACT.md', 'test/twins/README.md']));
  const names = ['docs/architecture.md', 'docs/follow-a-command.md', 'docs/follow-a-byte.md'].map(
    (name) => [...read(name).matchAll(NAMED)].length,
  );
  for (const count of names) expect(count).toBeGreaterThan(15);
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
