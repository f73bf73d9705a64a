import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Each wall of the house, broken in a copy of the tree, with the command of `npm run lint` that has to notice. */
let copy: string;
const root = process.cwd();

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'hub-lint-'));
  const parts = [
    'agent',
    'scripts',
    'test',
    'systemd',
    'package.json',
    'tsconfig.json',
    'biome.json',
    'knip.json',
    'vitest.config.ts',
    '.gitignore',
  ];
  for (const part of parts)
    await cp(join(root, part), join(copy, part), { recursive: true, filter: (path) => !path.includes('node_modules') });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rm(copy, { recursive: true }));

/** Writes files into the copy, runs the command there, and takes the files away again. */
async function linted(
  files: Readonly<Record<string, string>>,
  program: string,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const made: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const first = await mkdir(dirname(join(copy, name)), { recursive: true });
    made.push(first ?? join(copy, name));
    await writeFile(join(copy, name), text);
  }
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: copy, maxBuffer: 64 * 1024 * 1024 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  } finally {
    for (const path of made) await rm(path, { recursive: true, force: true });
  }
}

const rooms = (files: Readonly<Record<string, string>>) => linted(files, process.execPath, 'scripts/lint/main.ts');
const biome = (files: Readonly<Record<string, string>>) =>
  linted(files, join(root, 'node_modules/.bin/biome'), 'lint', '--vcs-enabled=false', ...Object.keys(files));

test('the tree as it is has every import in its room', async () => {
  expect(await rooms({})).toMatchObject({ code: 0 });
});

test.each([
  [
    'a new folder under agent/ that imports a neighbour',
    'agent/lights/lights.ts',
    "export type { Topics } from '../contract/topics.ts';\n",
  ],
  ['a room that imports a neighbour', 'agent/wifi/extra.ts', "export { createCloud } from '../cloud/cloud.ts';\n"],
  ['a dynamic import of a neighbour', 'agent/wifi/extra.ts', "export const load = () => import('../cloud/cloud.ts');\n"],
  ['a type of a neighbour', 'agent/wifi/extra.ts', "export type Cloud = import('../cloud/cloud.ts').Cloud;\n"],
  [
    'a twin that imports the codec of the agent',
    'test/twins/osdp-line/extra.ts',
    "export { crc16 } from '../../../agent/nodes/osdp/codec/check.ts';\n",
  ],
  ['a script that imports a test', 'scripts/package/extra.ts', "export { createPki } from '../../test/twins/pki/pki.ts';\n"],
  ['agent code that imports a script', 'agent/system/extra.ts', "export { isAlive } from '../../scripts/processes.ts';\n"],
])('%s does not pass', async (_, file, text) => {
  const { code, output } = await rooms({ [file]: text });
  expect(output).toContain(file);
  expect(code).toBe(1);
});

test.each([
  ['a static import', 'agent/hubctl/doctor/extra.ts', "export { readFile } from 'node:fs/promises';\n"],
  ['a dynamic import', 'agent/config/extra.ts', "export const load = () => import('node:fs');\n"],
  ['a type', 'agent/cloud/extra.ts', "import type { Stats } from 'node:fs';\nexport type Facts = Stats;\n"],
])('%s of node:fs outside of system/ does not pass', async (_, file, text) => {
  const { code, output } = await rooms({ [file]: text });
  expect(output).toContain(`${file}:1: may not import node:fs`);
  expect(code).toBe(1);
});

test('zod in a part that explains nothing to people does not pass', async () => {
  const { code, output } = await rooms({ 'agent/nodes/extra.ts': "export { object } from 'zod';\n" });
  expect(output).toContain('agent/nodes/extra.ts:1: may not import zod');
  expect(code).toBe(1);
});

test.each([
  ['a field that the logger of the bus binds', 'agent/nodes/osdp/extra.ts', "log.warn({ event: 'x', bus: 'a' }, 'x')", '"bus" twice'],
  ["pino's own level", 'agent/wifi/extra.ts', "deps.commandLog['info']({ event: 'x', level: 3 }, 'x')", '"level" twice'],
  ['a part that another child binds', 'agent/cloud/extra.ts', "log.child({ part: 'x', room: 1 })", 'binds "room"'],
])('a log line with %s does not pass', async (_, file, call, reason) => {
  const { code, output } = await rooms({ [file]: `export const told = (log: any, deps: any) => [log, deps, ${call}];\n` });
  expect(output).toContain(`${file}:1: `);
  expect(output).toContain(reason);
  expect(code).toBe(1);
});

test('an import cycle does not pass, nor does one of types alone', async () => {
  const { code, output } = await biome({
    'agent/wifi/first.ts': "import { second } from './second.ts';\nexport const first = (): number => second();\n",
    'agent/wifi/second.ts': "import { first } from './first.ts';\nexport const second = (): number => first();\n",
  });
  expect(output).toContain('noImportCycles');
  expect(code).toBe(1);
  const types = await biome({
    'agent/wifi/third.ts': "import type { Fourth } from './fourth.ts';\nexport type Third = Fourth | null;\n",
    'agent/wifi/fourth.ts': "import type { Third } from './third.ts';\nexport type Fourth = Third | 1;\n",
  });
  expect(types.output).toContain('noImportCycles');
  expect(types.code).toBe(1);
});

test('a raw timer outside of system/ does not pass', async () => {
  const { code, output } = await biome({ 'agent/cloud/extra.ts': 'export const wait = () => setTimeout(() => {}, 5);\n' });
  expect(output).toContain('noRestrictedGlobals');
  expect(code).toBe(1);
});

test('a dead export does not pass', async () => {
  const files = { 'agent/system/extra.ts': 'export const dead = 1;\n' };
  const { code, output } = await linted(files, process.execPath, join(root, 'node_modules/knip/bin/knip.js'), '--no-progress');
  expect(output).toContain('agent/system/extra.ts');
  expect(code).toBe(1);
}, 120_000);
