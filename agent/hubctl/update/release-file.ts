import type { KeyObject } from 'node:crypto';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest, type ReleasePart } from '../../release/manifest.ts';
import { MANIFEST_FILE, PARTS_FOLDER, SIGNATURE_FILE } from '../../release/places.ts';
import { isSigned } from '../../release/signature.ts';
import { HubError, messageOf } from '../../system/errors.ts';
import { type OpenedFile, withRegularFile } from '../../system/regular-file.ts';
import { indexTar } from '../../system/tar.ts';

/** A release in one file, as `npm run release` packs it, signed by a key that this hub trusts. */
export interface ReleaseFile {
  manifest: Manifest;
  /** What is signed, as it lies in the file. */
  text: string;
  signature: string;
  /** A part's zstd stream; null: the file does not have it. What comes may be damaged. @throws HubError when the file cannot be read on */
  part(part: Pick<ReleasePart, 'sha256'>): AsyncIterable<Buffer> | null;
}

/** A release with Node has 45 MB. */
const MAX_RELEASE_BYTES = 128 * 1024 * 1024;
/** As many parts as a manifest has, manifest, signature, and room for what a later release tool adds. */
const MAX_MEMBERS = 64;
const MAX_SIGNATURE_BYTES = 128;

/** What is wrong with a release's file, as an error for people. */
export const damaged = (path: string, what: string) => new HubError('storage_failed', `${path} is no release: ${what}. Copy it again.`);

const isErrno = (error: unknown): error is NodeJS.ErrnoException => typeof (error as NodeJS.ErrnoException).code === 'string';

function unreadable(path: string, error: unknown): HubError {
  if (isErrno(error))
    return new HubError('storage_failed', `${path} cannot be read (${error.code}). Is the stick still plugged in? Nothing was installed.`);
  return damaged(path, messageOf(error));
}

async function readHead(path: string, { bytes, piece }: OpenedFile): Promise<Omit<ReleaseFile, 'manifest'>> {
  async function read(offset: number, count: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of piece(offset, count)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  const members = await indexTar({ bytes, read }, MAX_MEMBERS);
  async function text(name: string, maxBytes: number): Promise<string> {
    const member = members.get(name);
    if (member === undefined) throw new Error(`it has no ${name}`);
    if (member.bytes > maxBytes) throw new Error(`its ${name} is too large`);
    return (await read(member.offset, member.bytes)).toString('utf8');
  }
  async function* stream({ offset, bytes: count }: { offset: number; bytes: number }) {
    try {
      yield* piece(offset, count);
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return {
    text: await text(MANIFEST_FILE, MAX_MANIFEST_BYTES),
    signature: (await text(SIGNATURE_FILE, MAX_SIGNATURE_BYTES)).trim(),
    part({ sha256 }) {
      const member = members.get(`${PARTS_FOLDER}/${sha256}.zst`);
      return member === undefined ? null : stream(member);
    },
  };
}

/** Reads manifest and signature, and hands out the release: no part is read before `use` asks for it. */
async function readRelease(path: string, file: OpenedFile, keys: readonly KeyObject[]): Promise<ReleaseFile> {
  let release: ReleaseFile;
  try {
    const head = await readHead(path, file);
    release = { ...head, manifest: parseManifest(head.text) };
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!isSigned(release.text, release.signature, keys))
    throw new HubError(
      'storage_failed',
      `${path} is not signed by a key that this hub trusts (it has ${keys.length}). Look with: ls /usr/share/hub-agent/release-keys /etc/hub-agent/release-keys`,
    );
  return release;
}

/**
 * Opens a release, and hands it to `use` when it is signed. The sizes in it are trusted from then on: they bound what is unpacked. The updater
 * verifies it again.
 * @param keys those that this hub trusts
 * @throws HubError for what is no release, or not signed; else what the file system throws
 */
export async function withReleaseFile<T>(path: string, keys: readonly KeyObject[], use: (release: ReleaseFile) => Promise<T>): Promise<T> {
  try {
    return await withRegularFile(path, { maxBytes: MAX_RELEASE_BYTES, follow: false }, async (file) =>
      use(await readRelease(path, file, keys)),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HubError('storage_failed', `${path} does not exist.`);
    if (code === 'ELOOP') throw new HubError('storage_failed', `${path} is a symbolic link. Name the file that it leads to.`);
    throw error;
  }
}
