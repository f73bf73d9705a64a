import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Why a file or folder cannot be written, and how to solve it; each a sentence without its full stop. */
export interface StorageProblem {
  message: string;
  remedy: string;
}

/** By errno(3). */
const PROBLEMS: Readonly<Record<string, (path: string) => StorageProblem>> = {
  EACCES: (path) => ({ message: `this user may not write ${path}`, remedy: 'Use sudo, or name another place' }),
  EPERM: (path) => ({ message: `this user may not write ${path}`, remedy: 'Use sudo, or name another place' }),
  EROFS: (path) => ({ message: `the file system of ${path} is read-only`, remedy: 'Name a place on another one' }),
  ENOSPC: (path) => ({
    message: `the disk of ${path} is full`,
    remedy: `Make room (df -h ${dirname(path)}), or name a place on another disk`,
  }),
  EDQUOT: (path) => ({
    message: `the quota of this user on the disk of ${path} is used up`,
    remedy: 'Make room, or name a place on another disk',
  }),
  EFBIG: (path) => ({ message: `the file system of ${path} takes no file of this size`, remedy: 'Name a place on another one' }),
  ENOENT: (path) => ({
    message: `the folder ${dirname(path)} does not exist`,
    remedy: `Make it (mkdir -p ${dirname(path)}), or name another place`,
  }),
  ENOTDIR: (path) => ({ message: `a part of ${dirname(path)} is not a folder`, remedy: 'Correct the path' }),
  ENAMETOOLONG: (path) => ({ message: `a name in ${path} is too long`, remedy: 'Name a shorter one' }),
  ELOOP: (path) => ({ message: `the symbolic links in ${path} lead in a circle`, remedy: 'Correct the path' }),
  EIO: (path) => ({ message: `the disk of ${path} fails`, remedy: 'Look at sudo dmesg | tail -50, and name a place on another disk' }),
};

const isErrno = (error: unknown): error is NodeJS.ErrnoException => typeof (error as NodeJS.ErrnoException | undefined)?.code === 'string';

/** Explains an error of the file system while `path` was written. Null for any other error. */
export function storageProblem(error: unknown, path: string): StorageProblem | null {
  if (!isErrno(error) || !Object.hasOwn(PROBLEMS, error.code!)) return null;
  const { message, remedy } = PROBLEMS[error.code!]!(path);
  return { message: `${message} (${error.code})`, remedy };
}

/** What stands at a path, for an error message; null: nothing, or it cannot be looked at. Links are not followed. */
export async function occupantOf(path: string): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return null;
  if (found.isDirectory()) return 'a folder';
  if (found.isFile()) return 'a file';
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}
