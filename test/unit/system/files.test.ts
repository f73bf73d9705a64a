import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFiles } from '../../../agent/system/files.ts';

const files = createFiles();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a write makes the folders it needs, for the owner alone', async () => {
  const path = join(folder, 'a', 'b.json');
  await files.writeAtomic(path, 'one');
  await files.writeAtomic(path, 'two');
  expect((await files.read(path))?.toString()).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o700);
  expect(await readdir(join(folder, 'a'))).toEqual(['b.json']);
});

test('a write that fails leaves the old content and nothing beside it', async () => {
  const path = join(folder, 'a.json');
  await files.writeAtomic(path, 'old');
  await expect(files.writeAtomic(path, { length: 1 } as never)).rejects.toThrow();
  expect((await files.read(path))?.toString()).toBe('old');
  expect(await readdir(folder)).toEqual(['a.json']);
});

test('what a torn write left is not listed, and can be removed', async () => {
  await files.writeAtomic(join(folder, 'whole.json'), 'x');
  await writeFile(join(folder, 'torn.json.tmp'), '{"ha');
  expect(await files.list(folder)).toEqual(['whole.json']);
  expect(await files.removeTorn(folder)).toEqual(['torn.json.tmp']);
  expect(await readdir(folder)).toEqual(['whole.json']);
});

test('a file is given another name, whatever has that name', async () => {
  const [from, to] = [join(folder, 'a'), join(folder, 'b')];
  await files.writeAtomic(from, 'new');
  await files.writeAtomic(to, 'old');
  await files.rename(from, to);
  expect(await readdir(folder)).toEqual(['b']);
  expect((await files.read(to))?.toString()).toBe('new');
  await files.rename(from, to);
  expect((await files.read(to))?.toString()).toBe('new');
});

test('what is not there reads as nothing', async () => {
  const missing = join(folder, 'missing');
  expect(await files.read(missing)).toBeNull();
  expect(await files.list(missing)).toEqual([]);
  expect(await files.removeTorn(missing)).toEqual([]);
  await files.remove(missing);
});

// As a folder that was removed and that a bind mount still shows does.
test('where a folder refuses new ones as missing, a write ends', async () => {
  await expect(files.writeAtomic('/proc/self/folder/deeper/file', 'x')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a file or a dangling link in the place of a folder is said', async () => {
  await writeFile(join(folder, 'file'), 'x');
  await symlink('missing/folder', join(folder, 'dangling'));
  await expect(files.writeAtomic(join(folder, 'file', 'deeper', 'file'), 'x')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(files.writeAtomic(join(folder, 'dangling', 'file'), 'x')).rejects.toMatchObject({ code: 'EEXIST' });
});
