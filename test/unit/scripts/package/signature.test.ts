import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { generateSigningKey, readSigningKey, signatureOf, signFile, verifyFile } from '../../../../scripts/package/signature.ts';

let folder: string;
let key: string;
let deb: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signature-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  key = join(folder, 'release.key');
  deb = join(folder, 'hub-agent.deb');
  await writeFile(deb, 'the package');
  await generateSigningKey(key);
});

test('what was signed verifies, with openssl too; other bytes and another key do not', async () => {
  await signFile(deb, await readSigningKey(key));
  await expect(verifyFile(deb, `${key}.pub`)).resolves.toBeUndefined();
  execFileSync('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', `${key}.pub`, '-rawin', '-in', deb, '-sigfile', signatureOf(deb)]);

  await writeFile(deb, 'the packagf');
  await expect(verifyFile(deb, `${key}.pub`)).rejects.toThrow('Do not install it');
  await writeFile(deb, 'the package');
  await generateSigningKey(join(folder, 'other.key'));
  await expect(verifyFile(deb, join(folder, 'other.key.pub'))).rejects.toThrow('Do not install it');
  await writeFile(signatureOf(deb), '');
  await expect(verifyFile(deb, `${key}.pub`)).rejects.toThrow('has 0 bytes');
  await rm(signatureOf(deb));
  await expect(verifyFile(deb, `${key}.pub`)).rejects.toThrow('ENOENT');
});

test('a key is made for its owner alone, and never replaced', async () => {
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  const before = await readFile(key, 'utf8');
  await expect(generateSigningKey(key)).rejects.toThrow('EEXIST');
  expect(await readFile(key, 'utf8')).toBe(before);
});

test('the folder of a key is made, for its owner alone', async () => {
  const made = join(folder, 'keys', 'release', 'a');
  await generateSigningKey(made);
  for (const path of [join(folder, 'keys'), join(folder, 'keys', 'release')]) expect((await stat(path)).mode & 0o777).toBe(0o700);
  await expect(readSigningKey(made)).resolves.toBeDefined();
  await expect(generateSigningKey(join(deb, 'key'))).rejects.toThrow('cannot be made (');
});

test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
  ['that others can read', (path) => chmod(path, 0o640), /chmod 0600/],
  [
    'of another kind',
    (path) => writeFile(path, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })),
    /no Ed25519 key/,
  ],
  ['that is cut', async (path) => writeFile(path, (await readFile(path, 'utf8')).slice(0, 60)), /no Ed25519 key/],
  [
    'that is a link',
    async (path) => {
      await rm(path);
      await symlink('/dev/stdin', path);
    },
    /regular file/,
  ],
  ['that is missing', (path) => rm(path), /ENOENT/],
  ['in a git work tree', () => mkdir(join(folder, '.git')), /git work tree/],
])('a key %s does not sign, and nothing of it is said', async (_what, spoil, words) => {
  const secret = (await readFile(key, 'utf8')).split('\n')[1]!;
  await spoil(key);
  const error = (await readSigningKey(key).catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toMatch(words);
  expect(error.message).not.toContain(secret);
});

test('a key is not made in a git work tree, and a private key is not taken to verify with', async () => {
  await expect(verifyFile(deb, key)).rejects.toThrow('is a private key');
  await mkdir(join(folder, 'checkout/.git'), { recursive: true });
  await expect(generateSigningKey(join(folder, 'checkout/release.key'))).rejects.toThrow('git work tree');
});
