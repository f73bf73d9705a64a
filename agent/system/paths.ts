import { constants, type Stats } from 'node:fs';
import { access, lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';

/** What stands at a path (inode(7)). */
export interface PathFacts {
  kind: 'file' | 'directory' | 'link' | 'socket' | 'character_device' | 'other';
  uid: number;
  gid: number;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
  /** The device's number as stat(2) gives it; 0 for what is no device. */
  device: number;
}

/** Texts that are compared with earlier ones. */
export interface PathIdentity {
  /** Another one when something else stands there, as after a device was plugged in again. */
  thing: string;
  /** Another one also when owner or rights change. */
  state: string;
}

/** Rights on a path; `none`: that it is there. */
export type Right = 'none' | 'write' | 'read_write';

/** What is at the paths of this machine, as a port: it is only looked at. Errors are those of the file system, with their `code`. */
export interface Paths {
  /** @param options follow: false looks at a symbolic link itself. Default: true. */
  facts(path: string, options?: { follow?: boolean }): Promise<PathFacts>;
  /** The path without links. */
  real(path: string): Promise<string>;
  /** Where a symbolic link leads. */
  target(path: string): Promise<string>;
  /** Every name in a folder. */
  names(folder: string): Promise<string[]>;
  /** What stands at the path, links followed; null: nothing does. Never throws. */
  identity(path: string): Promise<PathIdentity | null>;
  /** Why this process has not the right, as an error code such as `EACCES`; null: it has. Never throws. */
  denial(path: string, right: Right): Promise<string | null>;
}

const ACCESS: Readonly<Record<Right, number>> = {
  none: constants.F_OK,
  write: constants.W_OK,
  read_write: constants.R_OK | constants.W_OK,
};

function kindOf(stats: Stats): PathFacts['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isSocket()) return 'socket';
  return stats.isCharacterDevice() ? 'character_device' : 'other';
}

/** The real file system. */
export function createPaths(): Paths {
  return {
    async facts(path, { follow = true } = {}) {
      const stats = await (follow ? stat(path) : lstat(path));
      return { kind: kindOf(stats), uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777, device: stats.rdev };
    },
    real: (path) => realpath(path),
    target: (path) => readlink(path),
    names: (folder) => readdir(folder),
    identity: (path) =>
      stat(path).then(
        ({ dev, ino, rdev, ctimeMs }) => {
          const thing = `${dev} ${ino} ${rdev}`;
          return { thing, state: `${thing} ${ctimeMs}` };
        },
        ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => (code === 'ENOENT' || code === 'ENOTDIR' ? null : { thing: code, state: code }),
      ),
    denial: (path, right) =>
      access(path, ACCESS[right]).then(
        () => null,
        (error: NodeJS.ErrnoException) => error.code ?? 'UNKNOWN',
      ),
  };
}
