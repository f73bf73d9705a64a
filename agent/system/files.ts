import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from './folders.ts';
import { type ReadOptions, readRegularFile } from './regular-file.ts';

/** The state files, as a port: a test can cut a write at any byte or fill the disk. */
export interface Files {
  /** The file's bytes, or null when it does not exist. @throws UnusableFile for what is no regular file or too large; other errors as they come */
  read(path: string, options?: ReadOptions): Promise<Buffer | null>;
  /**
   * Replaces the file so that after a power cut either the old or the new content is there, never a mixture: temporary name,
   * fsync, rename, fsync of the directory. Creates missing directories (0700). The temporary name is random and exclusive: what stands
   * there already is never followed or written to. The file has exactly this mode, independent of the process's mask.
   */
  writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  /** Names in a folder; empty when it does not exist. Leftover temporary files are not listed. */
  list(directory: string): Promise<string[]>;
  /** Removes a file, or a folder with all that is in it, never what a link leads to; does nothing when it does not exist. */
  remove(path: string): Promise<void>;
  /** Gives a file another name, in one step and without room on the disk; does nothing when it does not exist. */
  rename(from: string, to: string): Promise<void>;
  /** Removes what torn writes left in a folder, and gives their names. Only while nothing is being written there. */
  removeTorn(directory: string): Promise<string[]>;
}

/** The suffix of a write in progress: what still has it after a crash is torn and ignored. */
const TEMPORARY_SUFFIX = '.tmp';
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Has a file or folder written to the disk (fsync(2)). @throws errors of the file system */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real file system. */
export function createFiles(): Files {
  async function names(directory: string): Promise<string[]> {
    try {
      return await readdir(directory);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  return {
    async read(path, options) {
      try {
        return await readRegularFile(path, options);
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },

    async writeAtomic(path, data, mode = PRIVATE_FILE) {
      const directory = dirname(path);
      await makeFolders(directory, PRIVATE_DIRECTORY);
      const temporary = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`;
      const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
      try {
        try {
          await handle.chmod(mode);
          await handle.writeFile(data);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await syncPath(directory);
    },

    async list(directory) {
      return (await names(directory)).filter((name) => !name.endsWith(TEMPORARY_SUFFIX));
    },

    async remove(path) {
      await rm(path, { recursive: true, force: true });
    },

    async rename(from, to) {
      try {
        await rename(from, to);
      } catch (error) {
        if (!isMissing(error)) throw error;
        return;
      }
      await syncPath(dirname(to));
    },

    async removeTorn(directory) {
      const torn = (await names(directory)).filter((name) => name.endsWith(TEMPORARY_SUFFIX));
      for (const name of torn) await rm(join(directory, name), { recursive: true, force: true });
      return torn;
    },
  };
}
