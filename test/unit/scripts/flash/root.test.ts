import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { rootTarget } from '../../../../scripts/flash/root-target.ts';

const A = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const B = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d22';
const filesOf = (hubId: string) => [
  { name: 'certificate.pem', mode: 0o644, data: Buffer.from('pair') },
  { name: 'identity.json', mode: 0o640, data: Buffer.from(JSON.stringify({ hubId })) },
];
let folder: string;
let root: string;
let state: string;
let etc: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flash-root-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  root = join(folder, 'root');
  state = join(root, 'var/lib/hub-agent');
  etc = join(root, 'etc/hub-agent');
  await mkdir(join(root, 'etc'), { recursive: true });
});

/** A hub that has run: it remembers, and its pair was changed on the way. */
async function usedHub(hubId: string): Promise<void> {
  await rootTarget(root).write(hubId, filesOf(hubId));
  await mkdir(join(state, 'journal'), { recursive: true });
  await writeFile(join(state, 'journal/claim.json'), 'claimed');
  await mkdir(join(etc, 'credentials-1'));
  await writeFile(join(etc, 'credentials-1/private-key.pem'), 'key');
  await symlink('credentials-1', join(etc, 'credentials'));
}

test('A mounted root is one hub, and stays it', async () => {
  const target = rootTarget(root);
  expect(await target.occupant(A)).toBeNull();
  await target.write(A, filesOf(A));
  expect([await target.has(A, filesOf(A)), await target.occupant(A), await target.occupant(B)]).toEqual([true, null, A]);
});

test('What the former hub remembered and was given does not pass to the next one', async () => {
  await usedHub(A);
  await rootTarget(root).write(B, filesOf(B));
  expect(await readdir(state)).toEqual([]);
  expect((await readdir(etc)).sort()).toEqual(['certificate.pem', 'identity.json']);
  expect(await readFile(join(etc, 'identity.json'), 'utf8')).toContain(B);
});

test('A hub that is flashed again keeps what it remembers, also when its id is written in other letters', async () => {
  await usedHub(A);
  await rootTarget(root).write(A.toUpperCase(), filesOf(A.toUpperCase()));
  expect(await readdir(state)).toEqual(['journal']);
});

test('The memory of a hub whose name is gone is an unknown hub', async () => {
  await usedHub(A);
  await rm(join(etc, 'identity.json'));
  expect(await rootTarget(root).occupant(A)).toBe('an unknown hub');
});

test('Nothing outside of the root is removed or written, wherever its links lead', async () => {
  const station = join(folder, 'station');
  await mkdir(station);
  await writeFile(join(station, 'precious'), '');
  await usedHub(A);
  await symlink(station, join(etc, 'credentials-2'));
  await symlink(station, join(state, 'link'));
  await rootTarget(root).write(B, filesOf(B));
  expect(await readdir(station)).toEqual(['precious']);

  await rm(state, { recursive: true });
  await symlink(station, state);
  await expect(rootTarget(root).write(A, filesOf(A))).rejects.toThrow(/var\/lib\/hub-agent is a symbolic link .* Mount in its place/);
  await rm(etc, { recursive: true });
  await symlink(station, etc);
  await expect(rootTarget(root).write(A, filesOf(A))).rejects.toThrow('etc/hub-agent is a symbolic link');
  expect(await readdir(station)).toEqual(['precious']);
});
