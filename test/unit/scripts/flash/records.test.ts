import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openRecords } from '../../../../scripts/flash/records.ts';
import { DAMAGES, flipBit } from '../../state/damage.ts';

const RECORD = {
  hubId: '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11',
  serial: 'SN-1',
  thingName: 'thing-1',
  digest: 'd1',
  certificateFingerprint: 'c1',
  publicKeyFingerprint: 'p1',
  place: '/batch/1',
  provisioned: true,
};

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
  expect(await readdir(output)).toEqual([]);
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

test.each(Object.keys(DAMAGES).filter((damage) => damage !== 'closed to its reader'))(
  'A record that is damaged (%s) stops the run before any hub is made, and names the file',
  async (damage) => {
    const hub = { ...RECORD, hubId: 'a94c1be0-77d1-4c36-b2aa-5d0e6e21c7f4' };
    const first = await openRecords(output);
    await first.put(hub);
    await first.close();
    const path = join(output, 'records', `${hub.hubId}.json`);
    const end = await DAMAGES[damage]!(path);
    // The last byte is the end of the line.
    if (damage !== 'cut by its last byte') await expect(openRecords(output)).rejects.toThrow(`${path} is damaged`);
    await end?.();
    await rm(path, { recursive: true, force: true });
    await (await openRecords(output)).close();
  },
);

test('A flipped bit in a record is noticed, wherever it is', async () => {
  const first = await openRecords(output);
  await first.put(RECORD);
  await first.close();
  const path = join(output, 'records', `${RECORD.hubId}.json`);
  const sound = await readFile(path);
  for (let bit = 0; bit < sound.length * 8; bit += 37) {
    await writeFile(path, sound);
    await flipBit(path, bit);
    const opened = await openRecords(output).catch(() => null);
    if (opened) expect(opened.get(RECORD.hubId), `bit ${bit}`).toMatchObject(RECORD);
    await opened?.close();
  }
});
