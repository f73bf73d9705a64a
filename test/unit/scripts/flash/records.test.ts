import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openRecords } from '../../../../scripts/flash/records.ts';

let output: string;
let lock: string;

beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), 'flash-records-'));
  onTestFinished(() => rm(output, { recursive: true, force: true }));
  lock = join(output, 'lock');
});

/** What the lock of this process says, so that another process can be made up from it. */
async function ownLock(): Promise<Record<string, unknown>> {
  const records = await openRecords(output);
  const holder = JSON.parse(await readFile(lock, 'utf8'));
  await records.close();
  return holder;
}

test('Two runs in one folder: the second is told who has it, and leaves nothing behind', async () => {
  const records = await openRecords(output);
  await expect(openRecords(output)).rejects.toThrow(`Process ${process.pid} flashes into this folder. Wait for it, or end it.`);
  expect((await readdir(output)).sort()).toEqual(['lock', 'records']);
  await records.close();
  await (await openRecords(output)).close();
  expect(await readdir(output)).toEqual(['records']);
});

test.each([
  ['a process that is gone', { pid: 999_999_999 }],
  ['a process whose number another one has now', { startTicks: '1' }],
  ['the time before a boot', { bootId: '00000000-0000-4000-8000-000000000000' }],
])('A lock of %s is taken over', async (_, change) => {
  await writeFile(lock, JSON.stringify({ ...(await ownLock()), ...change }));
  await (await openRecords(output)).close();
});

test.each(['', 'half of', String(process.pid), 'null', '{"pid":"1"}'])('A lock that says nothing is taken over: "%s"', async (text) => {
  await writeFile(lock, text);
  await (await openRecords(output)).close();
});

test('A lock of another process that runs is respected', async () => {
  await writeFile(lock, JSON.stringify(await ownLock()));
  await expect(openRecords(output)).rejects.toThrow(`Process ${process.pid}`);
});
