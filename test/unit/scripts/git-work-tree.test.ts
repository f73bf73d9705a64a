import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { gitWorkTreeOf } from '../../../scripts/git-work-tree.ts';
import { runFlash } from '../../bench/flash/batch.ts';

let checkout: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'work-tree-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  checkout = join(folder, 'checkout');
  await mkdir(join(checkout, '.git'), { recursive: true });
});

test('A folder that is still to be made, in a checkout, lies in its work tree; also through a link, and in a linked work tree', async () => {
  expect(await gitWorkTreeOf(join(checkout, 'batch/hubs'))).toBe(checkout);
  await symlink(checkout, `${checkout}-link`);
  expect(await gitWorkTreeOf(`${checkout}-link/batch`)).toBe(checkout);
  const linked = `${checkout}-linked`;
  await mkdir(linked);
  await writeFile(join(linked, '.git'), 'gitdir: elsewhere');
  expect(await gitWorkTreeOf(linked)).toBe(linked);
});

test('A folder beside a checkout does not', async () => {
  expect(await gitWorkTreeOf(`${checkout}-batch`)).not.toBe(checkout);
});

test('The program writes no key there unless told', async () => {
  const manifest = join(checkout, 'hubs.csv');
  await writeFile(manifest, 'hubId,serial,model,vendorName\n6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11,S,M,V\n');
  const args = ['--manifest', manifest, '--output', join(checkout, 'batch'), '--generate'];
  const refused = await runFlash(args, undefined, []);
  expect(refused.exitCode).toBe(64);
  expect(refused.stderr).toContain(`work tree ${checkout}`);
  expect((await runFlash(args)).exitCode).toBe(0);
});
