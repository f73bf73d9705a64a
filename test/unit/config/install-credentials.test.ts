import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { installCredentials } from '../../../agent/config/install-credentials.ts';
import type { TlsProof } from '../../../agent/config/tls-proof.ts';
import { createFiles } from '../../../agent/system/files.ts';
import { createLinks, type Links } from '../../../agent/system/links.ts';
import { createPaths } from '../../../agent/system/paths.ts';
import { createPki } from '../../twins/pki/pki.ts';
import type { Credentials } from '../../twins/pki/types.ts';

const DAY_MS = 86_400_000;
let home: string;
let folder: string;
let first: Credentials;

async function put(where: string, { certificate, privateKey }: Credentials): Promise<string> {
  await mkdir(where, { recursive: true });
  await writeFile(join(where, 'certificate.pem'), certificate);
  await writeFile(join(where, 'private-key.pem'), privateKey, { mode: 0o600 });
  return where;
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'install-credentials-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  folder = join(home, 'etc');
  first = await (await createPki()).issueClient('first');
  await put(folder, first);
});

const install = (from: string, deps: { links?: Links; proof?: TlsProof } = {}) =>
  installCredentials(from, folder, { files: createFiles(), paths: createPaths(), env: {}, now: new Date(), ...deps });
const inUse = async () => ({
  certificate: await readFile(join(folder, 'certificate.pem'), 'utf8'),
  privateKey: await readFile(join(folder, 'private-key.pem'), 'utf8'),
});
const folders = async () => (await readdir(folder)).filter((name) => name.startsWith('credentials-'));

test('A good pair takes the place; the one before it stays, older ones go', async () => {
  const pki = await createPki();
  for (let round = 1; round <= 3; round++) {
    const next = await pki.issueClient(`round ${round}`);
    const { expiresAt } = await install(await put(join(home, `new-${round}`), next));
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now());
    expect(await inUse()).toEqual(next);
    expect(await folders()).toHaveLength(2);
  }
});

test('The same pair again changes nothing', async () => {
  const from = await put(join(home, 'new'), await (await createPki()).issueClient('next'));
  await install(from);
  const before = await folders();
  await install(from);
  expect(await folders()).toHaveLength(1);
  expect(before).toContain((await folders())[0]);
});

test.each([
  ['expired', async () => (await createPki()).issueClient('x', { notBefore: new Date(0), notAfter: new Date(Date.now() - DAY_MS) })],
  [
    'not valid yet',
    async () =>
      (await createPki()).issueClient('x', { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) }),
  ],
  ['of two pairs', async () => ({ ...first, certificate: (await (await createPki()).issueClient('other')).certificate })],
  ['cut off', async () => ({ ...first, privateKey: first.privateKey.slice(0, 60) })],
  ['empty', async () => ({ certificate: '', privateKey: '' })],
])('A pair that is %s does not replace the good one', async (_, make) => {
  await expect(install(await put(join(home, 'bad'), await make()))).rejects.toMatchObject({ code: 'config_invalid' });
  expect(await inUse()).toEqual(first);
  expect(await folders()).toEqual([]);
});

test('A key that others can read is refused', async () => {
  const from = await put(join(home, 'open'), first);
  await chmod(join(from, 'private-key.pem'), 0o644);
  await expect(install(from)).rejects.toMatchObject({ code: 'config_invalid' });
});

test('Who may not write is told to be root, and where a file system refuses there is a remedy instead of a stack', async () => {
  const from = await put(join(home, 'new'), first);
  const refusing = (code: string): Links => ({
    ...createLinks(),
    checkWritable: () => Promise.reject(Object.assign(new Error(`${code}: refused, access`), { code })),
  });
  await expect(install(from, { links: refusing('EACCES') })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(/EACCES.*run it as root \(sudo\)/i),
    details: [{ file: folder }],
  });
  await expect(install(from, { links: refusing('EROFS') })).rejects.toMatchObject({ code: 'config_invalid' });
  await expect(install(from, { links: refusing('ERR_INVALID_ARG_TYPE') })).rejects.not.toHaveProperty('details');
  await rm(folder, { recursive: true });
  await expect(install(from)).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('--identity') });
});

test('Half a pair is kept too: a key whose certificate is still to come is not lost', async () => {
  await rm(join(folder, 'certificate.pem'));
  const next = await (await createPki()).issueClient('next');
  await install(await put(join(home, 'new'), next));
  expect(await inUse()).toEqual(next);
  const keys = await Promise.all((await folders()).map((name) => readFile(join(folder, name, 'private-key.pem'), 'utf8')));
  expect(keys).toContain(first.privateKey);
});

test('A doubtful pair is refused, the proof has the last word, and only what was judged is written', async () => {
  const next = await (await createPki()).issueClient('next');
  const twoKeys = await put(join(home, 'two'), { ...next, privateKey: next.privateKey + first.privateKey });
  await expect(install(twoKeys)).rejects.toThrow('2 private keys');
  const combined = await put(join(home, 'combined'), { ...next, certificate: next.certificate + next.privateKey });
  await expect(install(combined)).rejects.toThrow('holds a private key');

  const good = await put(join(home, 'good'), { ...next, certificate: `a comment\n${next.certificate}` });
  const proof = async () => ({ part: 'certificate' as const, detail: 'AWS_IO_TLS_CTX_ERROR' });
  await expect(install(good, { proof })).rejects.toThrow('AWS SDK cannot make a TLS context');
  expect(await inUse()).toEqual(first);
  await install(good);
  expect(await inUse()).toEqual(next);
});
