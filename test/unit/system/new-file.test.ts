import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { UnwritableFile, writeNewFile } from '../../../agent/system/new-file.ts';
import { storageProblem } from '../../../agent/system/storage-problem.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'new-file-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

const failure = (path: string) =>
  writeNewFile(path, 'x', { usualName: 'bundle.tar.gz' }).then(
    () => null,
    (error: unknown) => error,
  );

test('a new file is whole, and for its owner alone whatever the mask is', async () => {
  const path = join(folder, 'new');
  await writeNewFile(path, 'text');
  expect(await readFile(path, 'utf8')).toBe('text');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeNewFile(`${path}.pub`, 'text', { mode: 0o644 });
  expect((await stat(`${path}.pub`)).mode & 0o777).toBe(0o644);
});

const PLACES: readonly [string, (path: string) => unknown, RegExp, string][] = [
  ['a file', (path) => writeFile(path, 'kept'), /exists already\. Remove it, or name another file\.$/, 'EEXIST'],
  ['a folder', (path) => mkdir(path), /is a folder\. Name a file in it: .*\/out\/bundle\.tar\.gz$/, 'EEXIST'],
  ['a pipe', (path) => execFileSync('mkfifo', [path]), /is a pipe\. Name a file that does not exist yet\.$/, 'EEXIST'],
  ['a link to nothing', (path) => symlink('nowhere', path), /is a symbolic link\. Name/, 'EEXIST'],
];

test.each(PLACES)('%s in its place is told, and stays as it was', async (_what, make, words, code) => {
  const path = join(folder, 'out');
  await make(path);
  const before = await readdir(folder, { recursive: true });
  const error = await failure(path);
  expect(error).toBeInstanceOf(UnwritableFile);
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect(await readdir(folder, { recursive: true })).toEqual(before);
});

test('a device, a folder that is missing, a file on the way and a name too long are told', async () => {
  expect(await failure('/dev/full')).toMatchObject({
    code: 'EEXIST',
    message: '/dev/full is a device. Name a file that does not exist yet.',
  });
  const missing = join(folder, 'no', 'out');
  expect(await failure(missing)).toMatchObject({
    code: 'ENOENT',
    message: `the folder ${join(folder, 'no')} does not exist (ENOENT). Make it (mkdir -p ${join(folder, 'no')}), or name another place.`,
  });
  await writeFile(join(folder, 'file'), '');
  expect(await failure(join(folder, 'file', 'out'))).toMatchObject({
    code: 'ENOTDIR',
    message: expect.stringContaining('is not a folder'),
  });
  expect(await failure(join(folder, 'x'.repeat(300)))).toMatchObject({
    code: 'ENAMETOOLONG',
    message: expect.stringContaining('too long'),
  });
});

test.skipIf(process.getuid?.() === 0)('a folder of another user is told', async () => {
  await chmod(folder, 0o500);
  onTestFinished(() => chmod(folder, 0o700));
  expect(await failure(join(folder, 'out'))).toMatchObject({ code: 'EACCES', message: expect.stringContaining('Use sudo') });
});

test('an error that the file system did not raise is none of storage', () => {
  expect(storageProblem(new Error('x'), '/x')).toBeNull();
  expect(storageProblem(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), '/x')).toBeNull();
  expect(storageProblem(Object.assign(new Error('x'), { code: 'constructor' }), '/x')).toBeNull();
  expect(storageProblem(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/srv/x')).toMatchObject({
    message: 'the disk of /srv/x is full (ENOSPC)',
  });
});
