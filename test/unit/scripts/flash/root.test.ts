import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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

test('A link, a pipe or a folder in the place of a file is replaced, and nothing that it leads to is touched', async () => {
  const station = join(folder, 'station');
  await mkdir(station);
  await writeFile(join(station, 'victim'), 'precious');
  await mkdir(etc, { recursive: true });
  // Under the names of the files, and under those that a writer might use on the way.
  for (const name of ['certificate.pem', 'certificate.pem.new', 'certificate.pem.tmp', 'identity.json.new']) {
    await symlink(join(station, 'victim'), join(etc, name));
  }
  await link(join(station, 'victim'), join(etc, 'identity.json'));
  await rootTarget(root).write(A, filesOf(A));
  expect(await readFile(join(station, 'victim'), 'utf8')).toBe('precious');
  expect(await readdir(station)).toEqual(['victim']);
  expect(await rootTarget(root).has(A, filesOf(A))).toBe(true);

  await rm(join(etc, 'certificate.pem'));
  execFileSync('mkfifo', [join(etc, 'certificate.pem')]);
  expect(await rootTarget(root).has(A, filesOf(A))).toBe(false);
  await rm(join(etc, 'identity.json'));
  await mkdir(join(etc, 'identity.json/deep'), { recursive: true });
  await rootTarget(root).write(A, filesOf(A));
  expect(await rootTarget(root).has(A, filesOf(A))).toBe(true);
});

test.each([
  ['a pipe', async (path: string) => void execFileSync('mkfifo', [path])],
  [
    'a link to a pipe of the station',
    async (path: string) => {
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      await symlink(join(folder, 'pipe'), path);
    },
  ],
  ['escapes', (path: string) => writeFile(path, '{"hubId": "\u001b]0;owned\u0007\u001b[2J"}')],
  ['a name that ends in another line', (path: string) => writeFile(path, `{"hubId": "${A}\nflashed"}`)],
])('A board whose identity is %s is an unknown hub, at once', async (_what, make) => {
  await mkdir(etc, { recursive: true });
  await make(join(etc, 'identity.json'));
  expect(await rootTarget(root).occupant(A)).toBe('an unknown hub');
});

test('What a cut run left under a name of its own is removed by the next', async () => {
  await mkdir(etc, { recursive: true });
  await writeFile(join(etc, '.flash-0123456789abcdef'), 'half a key');
  await rootTarget(root).write(A, filesOf(A));
  expect((await readdir(etc)).sort()).toEqual(['certificate.pem', 'identity.json']);
});

test('A link or a file on the way to the folder is named and not passed', async () => {
  await rm(join(root, 'etc'), { recursive: true });
  await mkdir(join(folder, 'elsewhere/hub-agent'), { recursive: true });
  await symlink('../elsewhere', join(root, 'etc'));
  await expect(rootTarget(root).write(A, filesOf(A))).rejects.toThrow(/root\/etc is a symbolic link/);
  expect(await readdir(join(folder, 'elsewhere/hub-agent'))).toEqual([]);
  await rm(join(root, 'etc'));
  await writeFile(join(root, 'etc'), '');
  await expect(rootTarget(root).write(A, filesOf(A))).rejects.toThrow(/root\/etc is no folder/);
});
