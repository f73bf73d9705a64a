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
  /** Makes a new file. Its bytes are durable; its name is after `sync` of the folder. */
  write(path: string, data: string, mode: number): void;
  /** Makes a new file, as `write`, of a regular one, no link followed. False: there is none of exactly so many bytes. */
  copy(from: string, to: string, bytes: number, mode: number): boolean;
  /** The SHA-256 of a regular file of exactly so many bytes; null when there is no such file. */
  hash(path: string, bytes: number): string | null;
  /** Gives a file one more name. */
  link(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** Removes a file; does nothing when it is not there. */
  remove(path: string): void;
  /** Removes a folder with all in it. Only below root's own folder: another user could put a link there meanwhile. */
  removeTree(path: string): void;
  /** Makes the names in a folder durable. */
  sync(folder: string): void;
}

/** Null for what is not there. */
function unlessMissing<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function withOpen<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Opens a regular file for reading; null when nothing is there. @throws Error for anything else */
function withRegular<T>(path: string, use: (fd: number, size: number) => T): T | null {
  // Without O_NONBLOCK the open of a FIFO waits for a writer (fifo(7)).
  const opened = unlessMissing(() => fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (opened === null) return null;
  return withOpen(opened, (fd) => {
    const found = fs.fstatSync(fd);
    if (!found.isFile()) throw new Error('not a regular file');
    return use(fd, found.size);
  });
}

/** Passes on exactly so many bytes in pieces; false when the file ends before. */
function inChunks(fd: number, bytes: number, onChunk: (chunk: Buffer) => void): boolean {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let left = bytes; left > 0; ) {
    const length = fs.readSync(fd, chunk, 0, Math.min(left, CHUNK_BYTES), null);
    if (length === 0) return false;
    onChunk(chunk.subarray(0, length));
    left -= length;
  }
  return true;
}

/** Makes a new file with exactly this mode, and flushes what `use` wrote. */
function withNew<T>(path: string, mode: number, use: (fd: number) => T): T {
  return withOpen(fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode), (fd) => {
    fs.fchmodSync(fd, mode);
    const result = use(fd);
    fs.fsyncSync(fd);
    return result;
  });
}

/** The real file system. */
export function createDisk(): Disk {
  return {
    read: (path, maxBytes) =>
      withRegular(path, (fd, size) => {
        if (size > maxBytes) throw new Error('too large');
        const data = Buffer.alloc(size);
        return data.subarray(0, fs.readSync(fd, data, 0, size, 0));
      }),
    list: (folder) => unlessMissing(() => fs.readdirSync(folder).sort()) ?? [],
    makeFolder(path) {
      fs.mkdirSync(path);
      fs.chmodSync(path, 0o755);
    },
    write: (path, data, mode) => withNew(path, mode, (fd) => fs.writeFileSync(fd, data)),
    copy(from, to, bytes, mode) {
      const copied = withRegular(from, (source, size) => {
        if (size !== bytes) return false;
        return withNew(to, mode, (fd) => inChunks(source, bytes, (chunk) => fs.writeFileSync(fd, chunk)));
      });
      return copied ?? false;
    },
    hash(path, bytes) {
      const hash = createHash('sha256');
      const isWhole = withRegular(path, (fd, size) => size === bytes && inChunks(fd, bytes, (chunk) => hash.update(chunk)));
      return isWhole ? hash.digest('hex') : null;
    },
    link: (from, to) => fs.linkSync(from, to),
    rename: (from, to) => fs.renameSync(from, to),
    remove: (path) => void unlessMissing(() => fs.unlinkSync(path)),
    removeTree: (path) => fs.rmSync(path, { recursive: true, force: true }),
    sync: (folder) => withOpen(fs.openSync(folder, O_RDONLY | O_NOFOLLOW), (fd) => fs.fsyncSync(fd)),
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
