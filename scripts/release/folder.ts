import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Manifest, manifestText, parseManifest } from '../../agent/release/manifest.ts';
import { MANIFEST_FILE, PARTS_FOLDER, SIGNATURE_FILE } from '../../agent/release/places.ts';
import { isSigned } from '../../agent/release/signature.ts';
import { packTar, readTar, type TarEntry } from '../../agent/system/tar.ts';

/** zstd's level: the best that unpacks with 8 MiB of memory, and one that is quick. */
const COMPRESSION = { best: 19, fast: 3 };

/** A part as it lies in a release's folder, and as it is served to hubs: compressed, under the hash of what comes out. */
export const partFile = (sha256: string) => `${PARTS_FOLDER}/${sha256}.zst`;

/** The one file of a release, for a USB stick. */
const releaseFileName = ({ version, arch, sequence }: Manifest) => `hub-agent_${version}_${arch}_${sequence}.release`;

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** Writes a release's folder: manifest, compressed parts, bill of materials. It has no signature yet. */
export async function writeRelease(
  folder: string,
  { manifest, parts, sbom, fast }: { manifest: Manifest; parts: readonly { name: string; data: Buffer }[]; sbom: Buffer; fast: boolean },
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, PARTS_FOLDER), { recursive: true });
  const params = { [constants.ZSTD_c_compressionLevel]: fast ? COMPRESSION.fast : COMPRESSION.best, [constants.ZSTD_c_checksumFlag]: 1 };
  for (const { data } of parts) await writeFile(join(folder, partFile(sha256(data))), zstdCompressSync(data, { params }));
  await writeFile(join(folder, 'sbom.cdx.json'), sbom);
  await writeFile(join(folder, MANIFEST_FILE), manifestText(manifest));
}

async function readManifestOf(folder: string): Promise<Manifest> {
  try {
    return parseManifest(await readFile(join(folder, MANIFEST_FILE), 'utf8'));
  } catch (error) {
    throw new Error(`${folder} is no release: ${(error as Error).message}`);
  }
}

/**
 * Signs a release's folder, and packs it into one file beside its parts. With `sequence`, the release first gets that one: old parts signed again under a
 * higher sequence are how a fleet goes back.
 */
export async function signRelease(
  folder: string,
  key: KeyObject,
  sequence: number | null,
): Promise<{ manifest: Manifest; file: string; bytes: number }> {
  const found = await readManifestOf(folder);
  const manifest = sequence === null ? found : { ...found, sequence };
  const text = manifestText(manifest);
  const signature = sign(null, Buffer.from(text), key).toString('base64');
  if (!isSigned(text, signature, [createPublicKey(key)])) throw new Error(`The signature of ${folder} does not verify.`);
  const entry = (path: string, data: Buffer): TarEntry => ({ path, kind: 'file', mode: 0o644, data });
  const parts = manifest.parts.map(async (part) => entry(partFile(part.sha256), await readFile(join(folder, partFile(part.sha256)))));
  const entries = [
    entry(MANIFEST_FILE, Buffer.from(text)),
    entry(SIGNATURE_FILE, Buffer.from(`${signature}\n`)),
    ...(await Promise.all(parts)),
  ];
  const archive = packTar(entries, Math.floor(Date.parse(manifest.createdAt) / 1000));
  const file = join(folder, releaseFileName(manifest));
  for (const [path, data] of [
    [join(folder, MANIFEST_FILE), text],
    [join(folder, SIGNATURE_FILE), `${signature}\n`],
    [file, archive],
  ] as const) {
    await writeFile(`${path}.new`, data);
    await rename(`${path}.new`, path);
  }
  return { manifest, file, bytes: archive.length };
}

/** What of a release is read by its path: in a folder, or in its one file. */
async function openRelease(path: string): Promise<(name: string) => Promise<Buffer>> {
  const missing = (name: string) => new Error(`${path} has no ${name}.`);
  if ((await stat(path)).isDirectory()) {
    return (name) =>
      readFile(join(path, name)).catch(() => {
        throw missing(name);
      });
  }
  const entries = new Map(readTar(await readFile(path)).map(({ path: name, data }) => [name, data]));
  return async (name) => {
    const data = entries.get(name);
    if (!data) throw missing(name);
    return data;
  };
}

/** Checks a release as a hub does: signature, and every part by its hash. @throws Error that says what is wrong */
export async function verifyRelease(path: string, keys: readonly KeyObject[]): Promise<Manifest> {
  const read = await openRelease(path);
  const text = (await read(MANIFEST_FILE)).toString('utf8');
  const manifest = parseManifest(text);
  if (!isSigned(text, (await read(SIGNATURE_FILE)).toString('utf8'), keys))
    throw new Error(`${path} is not signed by a key that was named.`);
  for (const { name, sha256: wanted, bytes } of manifest.parts) {
    const data = zstdDecompressSync(await read(partFile(wanted)), { maxOutputLength: bytes });
    if (data.length !== bytes || sha256(data) !== wanted) throw new Error(`${name} in ${path} is damaged.`);
  }
  return manifest;
}
