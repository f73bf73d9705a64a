import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { claimOutput, explained } from '../../../../scripts/flash/output-folder.ts';
import { UsageError } from '../../../../scripts/flash/problems.ts';

const ID = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flash-output-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function put(path: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), 'x');
}

const OWN = [
  'report.json.0123456789ab.tmp',
  `records/${ID}.json.0123456789ab.tmp`,
  `provision/${ID}.json.0123456789ab.tmp`,
  `requests/${ID}/private-key.pem.0123456789ab.tmp`,
  `hubs/.${ID}.img.new`,
];
const FOREIGN = [
  'report.json.tmp',
  'notes.json.0123456789ab.tmp',
  'report.json.0123456789ab.tmp.txt',
  `records/${ID}.json`,
  `records/${ID}.json.bak.tmp`,
  `records/notes.0123456789ab.tmp`,
  `requests/${ID}/private-key.pem`,
  `requests/notes/private-key.pem.0123456789ab.tmp`,
  `hubs/${ID}/etc/hub-agent/identity.json`,
  `hubs/.notes.new`,
  // Of another kind than those that a run makes.
  `hubs/.${ID}.new`,
  `provision/${ID}.json.ba9876543210.tmp/notes`,
];

test('what a killed run left is removed, and no other file', async () => {
  for (const path of [...OWN, ...FOREIGN, `hubs/.${ID}.files/private-key.pem`]) await put(path);
  const release = await claimOutput(folder);
  await release();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const left = entries.flatMap((each) => (each.isFile() ? join(each.parentPath, each.name).slice(folder.length + 1) : []));
  expect(left.sort()).toEqual(FOREIGN.toSorted());
});

test('the half-written hub of a killed run, with its key, is removed by a run for other hubs', async () => {
  await put(`hubs/.${ID}.new/etc/hub-agent/private-key.pem`);
  await (await claimOutput(folder))();
  expect(await readdir(join(folder, 'hubs'))).toEqual([]);
});

test('a run beside this one is refused, and removes nothing', async () => {
  const release = await claimOutput(folder);
  await put(OWN[0]!);
  await expect(claimOutput(folder)).rejects.toThrow(/flashes into this folder/);
  expect(await readdir(folder)).toContain(OWN[0]);
  await release();
});

test.each([
  ['a file', (path: string) => writeFile(path, ''), /is a file\. Name a folder\./],
  ['a pipe', (path: string) => void execFileSync('mkfifo', [path]), /is a pipe\. Name a folder\./],
])('%s is no output folder', async (_what, make, words) => {
  const path = join(folder, 'out');
  await make(path);
  const error = await claimOutput(path).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(UsageError);
  expect(String(error)).toMatch(words);
});

test('a device, and a path below a file', async () => {
  await expect(claimOutput('/dev/null')).rejects.toThrow('--output /dev/null is a device. Name a folder.');
  await writeFile(join(folder, 'file'), '');
  await expect(claimOutput(join(folder, 'file', 'out'))).rejects.toThrow(/is not a folder \(ENOTDIR\)\. Correct the path\./);
});

test('folders that do not exist are made', async () => {
  await (await claimOutput(join(folder, 'a', 'b')))();
  expect(await readdir(join(folder, 'a', 'b'))).toEqual([]);
});

test('an error of the disk says which one, and what to do; any other one stays as it is', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  expect(String(explained(full, '/srv/batch/hubs/x'))).toContain('the disk of /srv/batch/hubs/x is full (ENOSPC). Make room');
  const other = new Error('x');
  expect(explained(other, '/srv')).toBe(other);
  const missing = Object.assign(new Error("ENOENT: no such file or directory, copyfile 'base.img'"), { code: 'ENOENT' });
  expect(explained(missing, '/srv')).toBe(missing);
});
