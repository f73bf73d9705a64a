import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants;
const CHUNK_BYTES = 1024 * 1024;

/** The file system, one call a step: a test cuts the power between any two, and in the midst of a write. Every call may throw what the system throws. */
export interface Disk {
  /** A regular file's bytes, no link followed; null when nothing is there. @throws Error for what is no regular file or larger */
  read(path: string, maxBytes: number): Buffer | null;
  list(folder: string): string[];
  makeFolder(path: string): void;
  /** Makes a new file; it is durable after `sync`. */
  write(path: string, data: string, mode: number): void;
  /** Copies a regular file of exactly so many bytes into a new one, and gives the SHA-256 of what it wrote; null when there is no such file. */
  copy(from: string, to: string, bytes: number, mode: number): string | null;
  /** The SHA-256 of a regular file of exactly so many bytes; null when there is no such file. */
  hash(path: string, bytes: number): string | null;
  /** Gives a file one more name. */
  link(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** Removes one name, or an empty folder; does nothing when it is not there. */
  remove(path: string): void;
  /** Makes the bytes of a file, or the names in a folder, durable. */
  sync(path: string): void;
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Opens a regular file for reading; anything else is refused. Null when nothing is there. */
function openRegular(path: string): { fd: number; size: number } | null {
  let fd: number;
  try {
    // Without O_NONBLOCK the open of a FIFO waits for a writer (fifo(7)).
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const found = fs.fstatSync(fd);
  if (found.isFile()) return { fd, size: found.size };
  fs.closeSync(fd);
  throw new Error('not a regular file');
}

/** Reads exactly so many bytes of a file in pieces; null when it has another size, or is not there. */
function hashed(path: string, bytes: number, onChunk: (chunk: Buffer) => void): string | null {
  const file = openRegular(path);
  if (file === null) return null;
  try {
    if (file.size !== bytes) return null;
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let left = bytes; left > 0; ) {
      const length = fs.readSync(file.fd, chunk, 0, Math.min(left, CHUNK_BYTES), null);
      if (length === 0) return null;
      hash.update(chunk.subarray(0, length));
      onChunk(chunk.subarray(0, length));
      left -= length;
    }
    return hash.digest('hex');
  } finally {
    fs.closeSync(file.fd);
  }
}

/** Makes a new file with exactly this mode. */
function withNew<T>(path: string, mode: number, use: (fd: number) => T): T {
  const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    fs.fchmodSync(fd, mode);
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The real file system. */
export function createDisk(): Disk {
  return {
    read(path, maxBytes) {
      const file = openRegular(path);
      if (file === null) return null;
      try {
        if (file.size > maxBytes) throw new Error('too large');
        const data = Buffer.alloc(file.size);
        return data.subarray(0, fs.readSync(file.fd, data, 0, data.length, 0));
      } finally {
        fs.closeSync(file.fd);
      }
    },
    list(folder) {
      try {
        return fs.readdirSync(folder).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
    makeFolder(path) {
      fs.mkdirSync(path, { mode: 0o755 });
      fs.chmodSync(path, 0o755);
    },
    write: (path, data, mode) => withNew(path, mode, (fd) => fs.writeFileSync(fd, data)),
    copy: (from, to, bytes, mode) => withNew(to, mode, (fd) => hashed(from, bytes, (chunk) => fs.writeFileSync(fd, chunk))),
    hash: (path, bytes) => hashed(path, bytes, () => {}),
    link: (from, to) => fs.linkSync(from, to),
    rename: (from, to) => fs.renameSync(from, to),
    remove(path) {
      try {
        if (fs.lstatSync(path).isDirectory()) fs.rmdirSync(path);
        else fs.unlinkSync(path);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
    sync(path) {
      const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
  };
}

/** A path that stays at a folder of another user, even when that user renames it (proc(5), /proc/PID/fd). Null when it is not there, or a link. */
export function pinned(folder: string, name: string): string | null {
  try {
    return `/proc/self/fd/${fs.openSync(join(folder, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)}/.`;
  } catch {
    return null;
  }
}

/** A text of the kernel or of root, without the white space around it. @throws what the file system throws */
export const readText = (path: string): string => fs.readFileSync(path, 'utf8').trim();
