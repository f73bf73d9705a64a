import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { parseManifest } from '../../../../agent/release/manifest.ts';
import type { TarEntry } from '../../../../agent/system/tar.ts';
import { factoryFiles, readSequence, releaseManifest, releaseParts, trustedKeyFiles } from '../../../../scripts/package/release-files.ts';
import { generateSigningKey, readSigningKey } from '../../../../scripts/package/signature.ts';
import { partFile, signRelease, verifyRelease, writeRelease } from '../../../../scripts/release/folder.ts';

const file = (path: string, text: string): TarEntry => ({ path, kind: 'file', mode: 0o644, data: Buffer.from(text) });
const FILES = [
  file('usr/lib/hub-agent/node', 'node'.repeat(1_000)),
  file('usr/lib/hub-agent/hub-agent.cjs', 'agent'.repeat(1_000)),
  file('usr/lib/hub-agent/hubctl.cjs', 'hubctl'),
  file('usr/lib/hub-agent/part-explain-arr37n7s.cjs', 'part'),
  file('usr/lib/hub-agent/native/aws-crt.node', 'native'),
  file('usr/lib/hub-agent/hub-updater.cjs', 'root'),
  file('usr/lib/hub-agent/launch', 'root'),
  file('usr/lib/systemd/system/hub-agent.service', 'unit'),
];
const SOURCES = { sequence: 7, version: '1.0.0', arch: 'amd64' as const, models: [], system: '1\n', dateSeconds: 1_795_000_000 };
let folder: string;
let key: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'release-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  key = join(folder, 'release.key');
  await generateSigningKey(key);
});

async function made(): Promise<string> {
  const place = join(folder, 'made');
  const manifest = releaseManifest(FILES, SOURCES);
  await writeRelease(place, { manifest, parts: releaseParts(FILES), sbom: Buffer.from('{}'), fast: true });
  return place;
}
const keys = async (path = key) => [createPublicKey(await readFile(`${path}.pub`))];

test('A release has what an update may change, and nothing of the system', () => {
  const names = releaseManifest(FILES, SOURCES).parts.map(({ name }) => name);
  expect(names).toEqual(['hub-agent.cjs', 'hubctl.cjs', 'native/aws-crt.node', 'node', 'part-explain-arr37n7s.cjs']);
});

test('The package is a release of its own, with the same manifest', () => {
  const files = Object.fromEntries(factoryFiles(FILES, SOURCES).map(({ path, data }) => [path.split('/').at(-1)!, data.toString()]));
  expect(files).toMatchObject({ SEQUENCE: '7\n', SYSTEM: '1\n' });
  expect(parseManifest(files['release.json']!)).toEqual(releaseManifest(FILES, SOURCES));
});

test('Signed it verifies, as a folder and as one file; by another key, damaged or unsigned it does not', async () => {
  const place = await made();
  await expect(verifyRelease(place, await keys())).rejects.toThrow('release.sig');
  const { file: one, manifest } = await signRelease(place, await readSigningKey(key), null);
  expect(one.endsWith('hub-agent_1.0.0_amd64_7.release')).toBe(true);
  for (const path of [place, one]) expect(await verifyRelease(path, await keys())).toEqual(manifest);

  const other = join(folder, 'other.key');
  await generateSigningKey(other);
  await expect(verifyRelease(one, await keys(other))).rejects.toThrow('not signed');
  const part = join(place, partFile(manifest.parts[0]!.sha256));
  await writeFile(part, await readFile(join(place, partFile(manifest.parts[1]!.sha256))));
  await expect(verifyRelease(place, await keys())).rejects.toThrow(/damaged|larger than/);
  const text = await readFile(join(place, 'release.json'), 'utf8');
  await writeFile(join(place, 'release.json'), text.replace('"sequence":7', '"sequence":8'));
  await expect(verifyRelease(place, await keys())).rejects.toThrow('not signed');
});

test('Old parts are signed again under a higher sequence', async () => {
  const place = await made();
  const { manifest, file: one } = await signRelease(place, await readSigningKey(key), 99);
  expect(manifest.sequence).toBe(99);
  expect(await verifyRelease(one, await keys())).toMatchObject({ sequence: 99, version: '1.0.0' });
});

test('Public keys alone go into a package', async () => {
  expect((await trustedKeyFiles([`${key}.pub`])).map(({ path }) => path)).toEqual(['usr/share/hub-agent/release-keys/1.pem']);
  await expect(trustedKeyFiles([key])).rejects.toThrow('no public Ed25519 key');
  for (const text of ['0', '-1', '1.5', 'x']) expect(() => readSequence(text)).toThrow(TypeError);
  expect([readSequence('12'), readSequence(undefined)]).toEqual([12, null]);
});
