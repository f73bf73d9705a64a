import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { manifestText } from '../../../../agent/release/manifest.ts';
import type { TarEntry } from '../../../../agent/system/tar.ts';
import { parseJobDocument } from '../../../../agent/update/job-document.ts';
import { type ReleaseSources, releaseManifest, releaseParts } from '../../../../scripts/package/release-files.ts';
import { generateSigningKey, readSigningKey } from '../../../../scripts/package/signature.ts';
import { signRelease, writeRelease } from '../../../../scripts/release/folder.ts';
import { releaseJob, rollOutCommands } from '../../../../scripts/release/job.ts';

const PLACE = { region: 'eu-central-1', bucket: 'hub-releases', prefix: 'releases' };
const CHUNKS = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`part-${index}.cjs`, `chunk ${index}`]));
const FILES: Record<string, string> = {
  node: 'node',
  'hub-agent.cjs': 'agent',
  'hubctl.cjs': 'hubctl',
  'native/aws-crt.node': 'native',
  ...CHUNKS,
};
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'release-job-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await generateSigningKey(join(folder, 'key'));
});

const entries = (files: Record<string, string>) =>
  Object.entries(files).map(
    ([name, text]): TarEntry => ({ path: `usr/lib/hub-agent/${name}`, kind: 'file', mode: 0o644, data: Buffer.from(text) }),
  );

async function made(
  sequence: number,
  changed: Record<string, string>,
  more: Partial<ReleaseSources> & { unsigned?: boolean } = {},
): Promise<string> {
  const place = join(folder, `${sequence}`);
  const files = entries({ ...FILES, ...changed });
  const { unsigned, ...sources } = more;
  const manifest = releaseManifest(files, {
    sequence,
    version: '1.0.0',
    arch: 'arm64',
    models: [],
    system: '1',
    dateSeconds: 1_795_000_000,
    ...sources,
  });
  await writeRelease(place, { manifest, parts: releaseParts(files), sbom: Buffer.from('{}'), fast: true });
  if (!unsigned) await signRelease(place, await readSigningKey(join(folder, 'key')), null);
  return place;
}

test('A job moves what is not in each release that hubs have, as pieces of one object, and hubs read its document', async () => {
  const from = await made(7, {});
  const older = await made(6, { 'hubctl.cjs': 'older hubctl' });
  const to = await made(8, { 'hub-agent.cjs': 'new agent' });
  const one = await releaseJob(to, [from], PLACE);
  expect(one.parts.map(({ name }) => name)).toEqual(['hub-agent.cjs']);
  const { document, parts, pack, packName } = await releaseJob(to, [from, older], PLACE);
  expect(parts.map(({ name }) => name)).toEqual(['hub-agent.cjs', 'hubctl.cjs']);
  expect(document.match(/\$\{aws:iot:s3-presigned-url-v2:[^}]+\}/g)).toEqual([
    `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/hub-releases/releases/${packName}}`,
  ]);
  const read = parseJobDocument(JSON.parse(document.replace(/\$\{aws[^}]+\}/, 'https://store/pack?signed')));
  if (typeof read === 'string' || read.operation !== 'update_agent') throw new Error('no update');
  expect(read.manifest).toBe(await readFile(join(to, 'release.json'), 'utf8'));
  const texts = parts.map(({ sha256 }) => {
    const { url, piece } = read.parts.get(sha256)!;
    expect(url).toBe('https://store/pack?signed');
    return zstdDecompressSync(pack.subarray(piece!.offset, piece!.offset + piece!.bytes)).toString();
  });
  expect(texts).toEqual(['new agent', 'hubctl']);
});

test('A release of which every part is new has one address all the same; one of which none is new has no pack', async () => {
  const from = await made(7, {});
  const to = await made(8, Object.fromEntries(Object.keys(FILES).map((name) => [name, `new ${name}`])));
  const { document, parts } = await releaseJob(to, [from], PLACE);
  expect(parts).toHaveLength(Object.keys(FILES).length);
  expect(document.split('presigned-url').length).toBe(2);
  const again = await releaseJob(await made(9, {}), [from], PLACE);
  expect(JSON.parse(again.document)).toMatchObject({ operation: 'update_agent', parts: {} });
  expect(rollOutCommands(again, { folder, file: 'job.json', place: PLACE, target: 'arn:t', role: 'arn:r' })).not.toContain('s3 cp');
});

test('The release of a package is named by its manifest alone', async () => {
  const files = entries(FILES);
  const manifest = releaseManifest(files, { sequence: 5, version: '1.0.0', arch: 'arm64', models: [], system: '1', dateSeconds: 0 });
  const path = join(folder, 'release.json');
  await writeFile(path, manifestText(manifest));
  const { parts } = await releaseJob(await made(8, { 'hub-agent.cjs': 'new' }), [path], PLACE);
  expect(parts).toHaveLength(1);
});

test.each<[string, string, () => Promise<unknown>]>([
  ['another processor', 'is for amd64', async () => releaseJob(await made(8, {}), [await made(7, {}, { arch: 'amd64' })], PLACE)],
  ['an older release', 'not newer', async () => releaseJob(await made(7, {}), [await made(8, {})], PLACE)],
  ['one that may not follow', 'may follow 7', async () => releaseJob(await made(8, {}, { minimumFrom: 7 }), [await made(6, {})], PLACE)],
  ['no signature', 'not signed', async () => releaseJob(await made(8, {}, { unsigned: true }), [await made(7, {})], PLACE)],
  ['no release', 'is no release', async () => releaseJob(folder, [folder], PLACE)],
  ['a bucket that is none', '--bucket', async () => releaseJob(await made(8, {}), [], { ...PLACE, bucket: "b'; rm -rf /" })],
])('Refused with the reason: %s', async (_, reason, make) => {
  await expect(make()).rejects.toThrow(reason);
});

test('The commands can be pasted: every word is quoted, and the settings are JSON', async () => {
  const job = await releaseJob(await made(8, { 'hub-agent.cjs': 'new' }), [await made(7, {})], PLACE);
  const text = rollOutCommands(job, {
    folder: "/it's here",
    file: '/job.json',
    place: PLACE,
    target: 'arn:aws:iot:a:1:thinggroup/pilot',
    role: 'arn:aws:iam::1:role/r',
  });
  expect(text).toContain("aws s3 cp '/it'\\''s here/");
  const settings = [...text.matchAll(/'(\{.*\})'/g)].map(([, json]) => JSON.parse(json!) as object);
  expect(settings).toHaveLength(2);
  expect(text).toContain('--job-id hub-agent-8');
});
