import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { canBecome, NOBODY } from '../support/privileges.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { untilOnline } from './rig/start.ts';

const MAIN = process.env.HUB_RIG_AGENT ?? fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const LASTING_MS = 400 * 86_400_000;

/** The hub's files as a hub has them: under the names that a rotation replaces. */
async function asOnAHub(rig: Rig): Promise<void> {
  const etc = join(rig.folder, 'etc');
  await rename(join(etc, 'private.key'), join(etc, 'private-key.pem'));
  const identity = JSON.parse(await readFile(join(etc, 'identity.json'), 'utf8'));
  await writeFile(join(etc, 'identity.json'), JSON.stringify({ ...identity, privateKeyPath: 'private-key.pem' }));
}

/** A new pair for the hub in a folder, known to the cloud. */
async function issuePair(rig: Rig, name: string): Promise<string> {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + LASTING_MS) };
  const { certificate, privateKey } = await rig.pki.issueClient(rig.hubId, validity);
  rig.iotCore.attachCertificate({ thingName: rig.hubId, certificate });
  const folder = join(rig.folder, name);
  await mkdir(folder, { mode: 0o700 });
  await writeFile(join(folder, 'certificate.pem'), certificate);
  await writeFile(join(folder, 'private-key.pem'), privateKey, { mode: 0o600 });
  return folder;
}

test('a rotated certificate is taken at the restart: the old one is revoked, and the hub is online with the new one', async () => {
  await using rig = await createRig();
  await asOnAHub(rig);
  const certificatePath = join(rig.folder, 'etc/certificate.pem');
  const old = await readFile(certificatePath, 'utf8');
  const agent = rig.startAgent();
  const session = await untilOnline(rig);

  const broken = await issuePair(rig, 'broken');
  await writeFile(join(broken, 'certificate.pem'), old);
  expect(await rig.startAgent({ args: ['--install-credentials', broken] }).exited).toBe(78);
  expect(await readFile(certificatePath, 'utf8')).toBe(old);

  const good = await issuePair(rig, 'good');
  expect(await rig.startAgent({ args: ['--install-credentials', good] }).exited).toBe(0);
  expect(await readFile(certificatePath, 'utf8')).toBe(await readFile(join(good, 'certificate.pem'), 'utf8'));
  // The process that runs holds the old pair until it is restarted.
  expect(rig.reported()).toMatchObject({ online: true, session });
  expect(await agent.stop()).toBe(0);
  rig.iotCore.revokeCertificate(old);
  const next = rig.startAgent();
  const rotated = await untilOnline(rig, session);
  expect(next.lines.filter(({ level }) => level === 'error')).toEqual([]);

  // A start with the old pair would find no way in: what was proven is the new one.
  rig.iotCore.revokeCertificate(await readFile(certificatePath, 'utf8'));
  await rig.until('no connection left', () => rig.iotCore.connections().length === 0);
  expect(rig.reported().session).toBe(rotated);
});

test('plain files over the links of a rotated pair are the pair in use: the next rotation keeps them beside the new one', async () => {
  await using rig = await createRig();
  await asOnAHub(rig);
  const etc = join(rig.folder, 'etc');
  const install = (folder: string) => rig.startAgent({ args: ['--install-credentials', folder] }).exited;
  expect(await install(await issuePair(rig, 'first'))).toBe(0);

  const flashed = await issuePair(rig, 'flashed');
  for (const name of ['certificate.pem', 'private-key.pem']) {
    await rm(join(etc, name));
    await writeFile(join(etc, name), await readFile(join(flashed, name)), { mode: 0o600 });
  }
  const last = await issuePair(rig, 'last');
  expect(await install(last)).toBe(0);

  const key = (folder: string) => readFile(join(folder, 'private-key.pem'), 'utf8');
  expect(await key(etc)).toBe(await key(last));
  const beside = (await readdir(etc)).filter((name) => name.startsWith('credentials-'));
  expect(await Promise.all(beside.map((name) => key(join(etc, name))))).toContain(await key(flashed));
  rig.startAgent();
  await untilOnline(rig);
});

// Modes do not hold root back.
const asRoot = process.getuid?.() === 0;

test.skipIf(asRoot && !(await canBecome(NOBODY, MAIN)))(
  'without the right to write it says that it is for root, without a stack',
  async () => {
    await using rig = await createRig();
    await asOnAHub(rig);
    const folder = await issuePair(rig, 'new');
    const asNobody = ['/usr/bin/setpriv', '--reuid', String(NOBODY), '--clear-groups', process.execPath, MAIN];
    await chmod(join(rig.folder, 'etc'), 0o555);
    const agent = rig.startAgent({ ...(asRoot && { program: asNobody }), args: ['--install-credentials', folder] });
    const code = await agent.exited;
    await chmod(join(rig.folder, 'etc'), 0o755);
    expect(code).toBe(78);
    expect(agent.output()).toMatch(/etc: .*Run it as root \(sudo\)\.$/);
    expect(agent.output()).not.toMatch(/^\s+at /m);
  },
);
