import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The parts of a release in the agent's folder: complete ones by their hash, and what has been fetched of the others. */
export interface PartFiles {
  /** Makes the folder. @throws errors of the file system */
  open(): Promise<void>;
  /** The hashes of the complete parts. */
  complete(): Promise<ReadonlySet<string>>;
  /** How many bytes of the compressed part are there, and of which version of the object. Null: none. */
  partial(sha256: string): Promise<{ bytes: number; etag: string } | null>;
  /** Begins anew, with this version of the object. */
  begin(sha256: string, etag: string): Promise<void>;
  /** Appends what the stream brings; what came before an error stays. @throws what the stream throws, or the file system */
  append(sha256: string, data: Readable, signal: AbortSignal): Promise<void>;
  /**
   * Unpacks a zstd stream into a part, durably. False: it is not what it should be, and nothing of it is left.
   * @throws what the stream throws, or the file system; nothing is left then either
   */
  unpack(part: { sha256: string; bytes: number }, packed: AsyncIterable<Buffer>, signal: AbortSignal): Promise<boolean>;
  /** Unpacks what was fetched, and removes that. As `unpack`. */
  finish(part: { sha256: string; bytes: number }, signal: AbortSignal): Promise<boolean>;
  /** Removes what is not of these parts. */
  keepOnly(sha256s: ReadonlySet<string>): Promise<void>;
  /** Bytes that this user may still write. */
  freeBytes(): Promise<number>;
}

const PARTIAL = '.zst';
const ETAG = '.etag';
const UNPACKED = '.unpacked';
/** 8 MiB, which the release tool packs for: more memory is refused. */
const MAX_WINDOW_LOG = 23;
const PRIVATE = 0o700;

/** An entity tag (RFC 9110, section 8.8.3) that can be sent in a header. A power cut may have left anything in its file. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;
const MAX_ENTITY_TAG = 1024;

/** Bytes of a regular file; 0: there is none, or something else is in its place. */
async function regularBytes(path: string): Promise<number> {
  return lstat(path).then(
    (found) => (found.isFile() ? found.size : 0),
    () => 0,
  );
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Streams through, and fails once it is more than it should be: a small file can unpack to any size. */
async function* bounded(source: AsyncIterable<Buffer>, bytes: number, onChunk: (chunk: Buffer) => void) {
  let count = 0;
  for await (const chunk of source) {
    count += chunk.length;
    if (count > bytes) throw new RangeError('more than it should be');
    onChunk(chunk);
    yield chunk;
  }
}

/** An error of what is unpacked, not of the disk; a stream that ends too soon is zlib's own. */
const isBadData = (error: unknown) => error instanceof RangeError || /^Z(?:STD)?_/.test(String((error as NodeJS.ErrnoException).code));

/** @param folder the parts' folder; only this process writes to it */
export function createPartFiles(folder: string): PartFiles {
  const at = (name: string) => join(folder, name);
  const remove = (name: string) => rm(at(name), { force: true, recursive: true });

  async function unpack(
    { sha256, bytes }: { sha256: string; bytes: number },
    packed: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const hash = createHash('sha256');
    const { constants, createZstdDecompress } = process.getBuiltinModule('node:zlib');
    const unpacking = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } });
    const unpacked = at(sha256 + UNPACKED);
    try {
      await pipeline(
        packed,
        unpacking,
        (source) => bounded(source, bytes, (chunk) => hash.update(chunk)),
        createWriteStream(unpacked, { mode: 0o600 }),
        { signal },
      );
      if ((await regularBytes(unpacked)) !== bytes || hash.digest('hex') !== sha256) return false;
      await sync(unpacked);
      await rename(unpacked, at(sha256));
      await sync(folder);
      return true;
    } catch (error) {
      if (isBadData(error)) return false;
      throw error;
    } finally {
      await remove(sha256 + UNPACKED);
    }
  }

  return {
    open: async () => void (await mkdir(folder, { recursive: true, mode: PRIVATE })),

    async complete() {
      return new Set((await readdir(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name)));
    },

    async partial(sha256) {
      const [bytes, length] = await Promise.all([PARTIAL, ETAG].map((suffix) => regularBytes(at(sha256 + suffix))));
      if (!bytes || !length || length > MAX_ENTITY_TAG) return null;
      const etag = await readFile(at(sha256 + ETAG), 'latin1').catch(() => '');
      return ENTITY_TAG.test(etag) ? { bytes, etag } : null;
    },

    async begin(sha256, etag) {
      for (const suffix of [PARTIAL, ETAG]) await remove(sha256 + suffix);
      await writeFile(at(sha256 + ETAG), etag, { mode: 0o600 });
    },

    async append(sha256, data, signal) {
      await pipeline(data, createWriteStream(at(sha256 + PARTIAL), { flags: 'a', mode: 0o600 }), { signal });
    },

    unpack,

    async finish(part, signal) {
      const good = await unpack(part, createReadStream(at(part.sha256 + PARTIAL)), signal);
      for (const suffix of [PARTIAL, ETAG]) await remove(part.sha256 + suffix);
      return good;
    },

    async keepOnly(sha256s) {
      for (const name of await readdir(folder)) if (!sha256s.has(name.split('.')[0]!)) await remove(name);
    },

    async freeBytes() {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
}
