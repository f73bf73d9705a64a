import { constants } from 'node:fs';
import { access, readlink, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from './files.ts';
import { makeFolders } from './folders.ts';

/** Links and folders, what `Files` does not have, as a port: a test can cut the power between any two operations. */
export interface Links {
  /** Fails when this process may not make, replace or remove names in the folder. */
  checkWritable(folder: string): Promise<void>;
  /** Where a symbolic link leads; null when there is nothing or something else. */
  target(path: string): Promise<string | null>;
  /** A symbolic link under a name that is free. Not on the disk before its folder is. */
  make(path: string, target: string): Promise<void>;
  /** A folder that only its owner may enter, on the disk when this resolves; it may be there already. */
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
}

/** The real file system. */
export function createLinks(): Links {
  return {
    checkWritable: (folder) => access(folder, constants.W_OK | constants.X_OK),

    async target(path) {
      try {
        return await readlink(path);
      } catch (error) {
        // EINVAL: it is no link.
        if (['ENOENT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
        throw error;
      }
    },

    make: (path, target) => symlink(target, path),

    async makeFolder(path) {
      await makeFolders(path, 0o700);
      await syncPath(dirname(path));
    },

    removeFolder: (path) => rm(path, { recursive: true, force: true }),
  };
}
