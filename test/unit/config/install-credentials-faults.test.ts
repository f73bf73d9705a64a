import { accessSync, constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { installCredentials } from '../../../agent/config/install-credentials.ts';
import { createFiles, type Files } from '../../../agent/system/files.ts';
import { createLinks, type Links } from '../../../agent/system/links.ts';
import { createPaths } from '../../../agent/system/paths.ts';
import { createPki } from '../../twins/pki/pki.ts';
import type { Credentials } from '../../twins/pki/types.ts';

/** Hundreds of rotations write each file through to the disk: it is one in memory where there is one. */
const MEMORY = isWritable('/dev/shm') ? '/dev/shm' : tmpdir();
const CERTIFICATE = 'certificate.pem';
const PRIVATE_KEY = 'private-key.pem';
const pairs = {} as Record<'older' | 'current' | 'next', Credentials>;

beforeAll(async () => {
  const pki = await createPki();
  for (const name of ['older', 'current', 'next'] as const) pairs[name] = await pki.issueClient(name);
});

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What goes wrong at an operation that changes the disk. */
type Fault = 'it fails' | 'it fails after it was done' | 'the power goes before it';

/** A disk where the operation of that number goes wrong, counted from 1. After a power cut nothing is done any more. */
function faultyDisk(fault: Fault, at: number): { files: Files; links: Links; reached(): boolean } {
  let count = 0;
  const files = createFiles();
  const links = createLinks();
  const counted =
    <A extends unknown[]>(operation: (...args: A) => Promise<void>) =>
    async (...args: A) => {
      count++;
      const wrong = fault === 'the power goes before it' ? count >= at : count === at;
      if (!wrong || fault === 'it fails after it was done') await operation(...args);
      if (wrong) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
  return {
    files: {
      ...files,
      writeAtomic: counted(files.writeAtomic),
      remove: counted(files.remove),
      rename: counted(files.rename),
    },
    links: {
      ...links,
      make: counted(links.make),
      makeFolder: counted(links.makeFolder),
      removeFolder: counted(links.removeFolder),
    },
    reached: () => count >= at,
  };
}

/** As flashing does, and `mv`: whatever has the name, also a link, is replaced. */
async function putPlain(folder: string, { certificate, privateKey }: Credentials): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of [
    [CERTIFICATE, certificate],
    [PRIVATE_KEY, privateKey],
  ] as const) {
    await rm(join(folder, name), { force: true });
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
}

/** As `cp` does: through a link. */
async function putThroughLinks(folder: string, { certificate, privateKey }: Credentials): Promise<void> {
  await writeFile(join(folder, CERTIFICATE), certificate);
  await writeFile(join(folder, PRIVATE_KEY), privateKey);
}

async function install(pair: Credentials, folder: string, disk: { files: Files; links?: Links } = { files: createFiles() }): Promise<void> {
  const from = `${folder}-new`;
  await putPlain(from, pair);
  await installCredentials(from, folder, { ...disk, paths: createPaths(), env: {}, now: new Date() });
}

const read = async (folder: string) => ({
  certificate: await readFile(join(folder, CERTIFICATE), 'utf8'),
  privateKey: await readFile(join(folder, PRIVATE_KEY), 'utf8'),
});

const copyTree = (from: string, to: string) => cp(from, to, { recursive: true, verbatimSymlinks: true });

/** How the pair `current` comes to be in use. */
const STATES: [string, (folder: string) => Promise<void>][] = [
  ['plain files, never changed', (folder) => putPlain(folder, pairs.current)],
  [
    'changed once',
    async (folder) => {
      await putPlain(folder, pairs.older);
      await install(pairs.current, folder);
    },
  ],
  [
    'changed once, then plain files over the links',
    async (folder) => {
      await putPlain(folder, pairs.next);
      await install(pairs.older, folder);
      await putPlain(folder, pairs.current);
    },
  ],
  [
    'changed once, then the same pair as plain files over the links',
    async (folder) => {
      await putPlain(folder, pairs.older);
      await install(pairs.current, folder);
      await putPlain(folder, pairs.current);
    },
  ],
  [
    'changed once, then the key alone as a plain file over its link',
    async (folder) => {
      await putPlain(folder, pairs.older);
      await install(pairs.current, folder);
      await rm(join(folder, PRIVATE_KEY));
      await writeFile(join(folder, PRIVATE_KEY), pairs.current.privateKey, { mode: 0o600 });
    },
  ],
  [
    'changed to the pair that is to come, then another written through the links into its folder',
    async (folder) => {
      await putPlain(folder, pairs.older);
      await install(pairs.next, folder);
      await putThroughLinks(folder, pairs.current);
    },
  ],
  [
    'links of a person to another folder, after a change',
    async (folder) => {
      await putPlain(folder, pairs.next);
      await install(pairs.older, folder);
      await putPlain(`${folder}-elsewhere`, pairs.current);
      for (const name of [CERTIFICATE, PRIVATE_KEY]) {
        await rm(join(folder, name));
        await symlink(join('../etc-elsewhere', name), join(folder, name));
      }
    },
  ],
];

const FAULTS: Fault[] = ['it fails', 'it fails after it was done', 'the power goes before it'];
const CASES = STATES.flatMap(([state, make]) => FAULTS.map((fault) => [state, fault, make] as const));

test.each(CASES)('%s; whatever operation, %s: the pair in use is whole, and never an older one', async (_state, fault, make) => {
  const home = await mkdtemp(join(MEMORY, 'install-credentials-faults-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await make(join(home, 'state', 'etc'));
  for (let at = 1; ; at++) {
    const folder = join(home, String(at), 'etc');
    await copyTree(join(home, 'state'), join(home, String(at)));
    const disk = faultyDisk(fault, at);
    const failed = await install(pairs.next, folder, disk).then(
      () => null,
      (error: unknown) => error,
    );
    if (!disk.reached()) {
      expect(failed).toBeNull();
      expect(at).toBeGreaterThan(5);
      return;
    }
    const left = await read(folder);
    expect([pairs.current, pairs.next], `after operation ${at}`).toContainEqual(left);
    if (failed) expect(failed).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('Make room') });
    else expect(left).toEqual(pairs.next);

    // The disk that was left is as good as any to begin with.
    const copy = join(home, `${at}-again`, 'etc');
    await copyTree(join(home, String(at)), join(home, `${at}-again`));
    await install(pairs.next, copy);
    expect(await read(copy)).toEqual(pairs.next);
  }
});

test.each(STATES)('%s: the pair that was in use stays beside the new one', async (_state, make) => {
  const home = await mkdtemp(join(MEMORY, 'install-credentials-faults-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const folder = join(home, 'etc');
  await make(folder);
  await install(pairs.next, folder);
  expect(await read(folder)).toEqual(pairs.next);
  const kept = (await readdir(folder)).filter((name) => /^credentials-/.test(name));
  expect(kept).toHaveLength(2);
  expect(await Promise.all(kept.map((name) => read(join(folder, name))))).toContainEqual(pairs.current);
});
