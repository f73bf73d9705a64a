import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { type Manifest, parseManifest, type ReleasePart } from '../../release/manifest.ts';
import { MANIFEST_FILE, PARTS_FOLDER, SIGNATURE_FILE } from '../../release/places.ts';
import { HubError } from '../../system/errors.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { readTar } from '../../system/tar.ts';

/** A release in one file, as `npm run release` packs it. */
export interface ReleaseFile {
  manifest: Manifest;
  /** What is signed, as it lies in the file. */
  text: string;
  signature: string;
  /** A part, unpacked and hashed; null: the file does not have it. @throws HubError when it is damaged */
  part(part: ReleasePart): Buffer | null;
}

/** A release with Node has 45 MB. */
const MAX_RELEASE_BYTES = 128 * 1024 * 1024;

const damaged = (path: string, what: string) => new HubError('storage_failed', `${path} is no release: ${what}. Copy it again.`);

/** Reads a release. Whether it is signed by a key that this hub trusts is the updater's business. @throws HubError for what is none; else what the file system throws */
export async function readReleaseFile(path: string): Promise<ReleaseFile> {
  const data = await readRegularFile(path, { maxBytes: MAX_RELEASE_BYTES });
  let entries: Map<string, Buffer>;
  let manifest: Manifest;
  let text: string;
  try {
    entries = new Map(readTar(data).map((entry) => [entry.path, entry.data]));
    text = entries.get(MANIFEST_FILE)?.toString('utf8') ?? '';
    manifest = parseManifest(text);
  } catch (error) {
    throw damaged(path, (error as Error).message);
  }
  return {
    manifest,
    text,
    signature: entries.get(SIGNATURE_FILE)?.toString('latin1').trim() ?? '',
    part({ name, sha256, bytes }) {
      const packed = entries.get(`${PARTS_FOLDER}/${sha256}.zst`);
      if (packed === undefined) return null;
      let part: Buffer;
      try {
        part = zstdDecompressSync(packed, { maxOutputLength: bytes });
      } catch {
        throw damaged(path, `${name} cannot be unpacked`);
      }
      if (createHash('sha256').update(part).digest('hex') !== sha256) throw damaged(path, `${name} is not what was packed`);
      return part;
    },
  };
}
