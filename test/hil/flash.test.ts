import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createWallClock } from '../../agent/system/clock.ts';
import { type Batch, keyLines, makeBatch, makeImage, readImage, recorded, runFlash } from '../bench/flash/batch.ts';
import { createFakeIotBackend } from '../twins/cloud-api/fake-iot-backend.ts';
import { type CloudApi, createCloudApi } from '../twins/cloud-api/index.ts';

const HUBS = 12;
const KEY = 'key-of-the-factory';
const ORG = 'b0d4a4a4-0000-4000-8000-000000000001';
let batch: Batch;
let args: string[];

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flash-program-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  batch = await makeBatch(folder, HUBS);
  args = ['--manifest', batch.manifest, '--output', batch.output, '--config', batch.config];
});

function hasProgram(name: string): Promise<boolean> {
  return new Promise((resolve) => execFile(name, ['-V'], (error) => resolve(error?.code !== 'ENOENT')));
}

const last = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1)!);

test('Killed in the middle and run again: none double, none missing, nothing secret said', async () => {
  const killed = await runFlash(args, async () => (await recorded(batch.output)).length >= HUBS / 3);
  const again = await runFlash(args);
  expect(again.exitCode).toBe(0);
  expect(last(again.stdout)).toMatchObject({ hubs: HUBS, failed: 0, left: 0 });
  expect((await readdir(join(batch.output, 'hubs'))).sort()).toEqual(batch.hubIds.toSorted());
  const report = await readFile(join(batch.output, 'report.json'), 'utf8');
  const records = await Promise.all(batch.hubIds.map((hubId) => readFile(join(batch.output, `records/${hubId}.json`), 'utf8')));
  const said = [killed, again].map(({ stdout, stderr }) => stdout + stderr).join('') + report + records.join('');
  for (const line of await keyLines(batch)) expect(said).not.toContain(line);
});

test('Images of an ext4 file system, at the start and behind a partition table', async ({ skip }) => {
  skip(!(await hasProgram('debugfs')) || !(await hasProgram('mke2fs')), 'e2fsprogs is not here');
  const base = join(batch.folder, 'base.img');
  await makeImage(base);
  expect(await runFlash([...args, '--image', base])).toMatchObject({ exitCode: 0 });
  for (const hubId of batch.hubIds) {
    const image = join(batch.output, 'hubs', `${hubId}.img`);
    expect(await readImage(image)).toEqual({ hubId, keyMode: '100600' });
    expect((await stat(image)).mode & 0o777).toBe(0o600);
  }
  expect((await stat(join(batch.output, 'hubs'))).mode & 0o777).toBe(0o700);

  const offset = 4_096;
  const disk = join(batch.folder, 'disk.img');
  await writeFile(disk, Buffer.concat([Buffer.alloc(offset), await readFile(base)]));
  const [hubId] = batch.hubIds;
  const output = join(batch.folder, 'disks');
  const one = ['--manifest', batch.manifest, '--config', batch.config, '--output', output, '--hub', hubId!];
  expect(await runFlash([...one, '--image', disk, '--offset', String(offset)])).toMatchObject({ exitCode: 0 });
  expect((await readImage(`${join(output, 'hubs', `${hubId}.img`)}?offset=${offset}`)).hubId).toBe(hubId);

  const notOne = join(batch.folder, 'noise.img');
  await writeFile(notOne, Buffer.alloc(1_000_000, 7));
  const refused = await runFlash([...one.with(5, join(batch.folder, 'none')), '--image', notOne]);
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toContain('no ext2, ext3 or ext4 file system');
  expect(await readdir(join(batch.folder, 'none'))).toEqual(['report.json']);
});

async function startApi(things: readonly string[]): Promise<CloudApi> {
  const iotCore = createFakeIotBackend();
  for (const thing of things) iotCore.registerThing(thing);
  const api = createCloudApi({ iotCore, keys: [{ key: KEY, orgId: ORG }], jwtSecret: 'x'.repeat(32), wallClock: createWallClock() });
  await api.start();
  onTestFinished(() => api.stop());
  return api;
}

test('ProvisionHub is sent once a hub, through passing faults; a refusal is told and tried again by the next run', async () => {
  const [missing, ...rest] = batch.hubIds;
  const api = await startApi(rest);
  api.faults.fail(2, 503);
  const keyFile = join(batch.folder, 'api-key');
  await writeFile(keyFile, `${KEY}\n`);
  const sending = [...args, '--provision', api.url, '--api-key-file', keyFile];
  const first = await runFlash(sending);
  expect(first.exitCode).toBe(1);
  expect(last(first.stdout)).toMatchObject({ flashed: HUBS, failed: 0, provisioned: HUBS - 1, notProvisioned: 1 });
  const { results } = JSON.parse(await readFile(join(batch.output, 'report.json'), 'utf8'));
  expect(results[0]).toMatchObject({ hubId: missing, state: 'flashed', provisioned: false, problem: expect.stringContaining('400') });
  expect(first.stderr).toMatch(new RegExp(`row 2, ${missing}: ProvisionHub was answered 400`));
  expect(first.stdout + first.stderr).not.toContain(KEY);
  const second = await runFlash(sending);
  expect(last(second.stdout)).toMatchObject({ unchanged: HUBS, failed: 0, provisioned: HUBS - 1, notProvisioned: 1 });
});

test('A manifest that is wrong, and arguments that are, write nothing and say what to do', async () => {
  await writeFile(batch.manifest, (await readFile(batch.manifest, 'utf8')).replace('SN-00003', 'SN-00002'));
  const refused = await runFlash(args);
  expect(refused).toMatchObject({ exitCode: 65, stdout: '' });
  expect(refused.stderr).toContain('row 5, serial: it is also that of row 4. Give each hub its own.');
  expect(await readdir(batch.output).catch(() => [])).not.toContain('hubs');
  expect(await runFlash([...args, '--provision', 'http://localhost'])).toMatchObject({ exitCode: 64 });
  expect(await runFlash([...args, '--api-key', 'secret'])).toMatchObject({ exitCode: 64 });
  const open = await runFlash([...args, '--provision', 'http://api.example', '--api-key-file', '-']);
  expect(open).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('an https:// address is needed') });
});

test('A key in the manifest gets neither into the output nor into the report, which no longer says that all is well', async () => {
  expect(await runFlash(args)).toMatchObject({ exitCode: 0 });
  const path = join(batch.folder, `pem/${batch.hubIds[0]}.key`);
  const text = await readFile(batch.manifest, 'utf8');
  const key = await readFile(path, 'utf8');
  await writeFile(batch.manifest, text.replace(`pem/${batch.hubIds[0]}.key`, `"${key}"`));
  const { exitCode, stdout, stderr } = await runFlash(args);
  const report = await readFile(join(batch.output, 'report.json'), 'utf8');
  expect(exitCode).toBe(65);
  expect(stderr).toContain('row 2, key: it holds a PEM and not the path of one');
  for (const line of await keyLines(batch)) expect(stdout + stderr + report).not.toContain(line);
  expect(JSON.parse(report)).toMatchObject({ state: 'refused', problems: [{ row: 2, field: 'key' }] });
});
