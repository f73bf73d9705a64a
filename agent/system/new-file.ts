import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from './errors.ts';
import { occupantOf, storageProblem } from './storage-problem.ts';

const PRIVATE_FILE = 0o600;

/** A file that was not written. The message has the reason and the remedy; `code` is that of errno(3). */
export class UnwritableFile extends Error {
  readonly code: string | undefined;
  constructor(code: string | undefined, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'UnwritableFile';
    this.code = code;
  }
}

/**
 * Writes a file under a name that is free, whole or not at all, on the disk when this resolves.
 * @param options mode: default for its owner alone; usualName: the file's name in a folder, for the remedy when the path is a folder
 * @throws UnwritableFile when something has the name (`EEXIST`), or the file system refuses
 */
export async function writeNewFile(
  path: string,
  data: string | Uint8Array,
  { mode = PRIVATE_FILE, usualName = basename(path) }: { mode?: number; usualName?: string } = {},
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    } catch (error) {
      // Half a file would take the room that is missing.
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw await explained(path, usualName, error);
  }
}

async function explained(path: string, usualName: string, error: unknown): Promise<UnwritableFile> {
  const { code } = error as NodeJS.ErrnoException;
  const occupant = code === 'EEXIST' ? await occupantOf(path) : null;
  if (occupant === 'a folder') return new UnwritableFile(code, `${path} is a folder. Name a file in it: ${join(path, usualName)}`, error);
  if (occupant === 'a file') return new UnwritableFile(code, `${path} exists already. Remove it, or name another file.`, error);
  if (occupant !== null) return new UnwritableFile(code, `${path} is ${occupant}. Name a file that does not exist yet.`, error);
  const problem = storageProblem(error, path);
  const message = problem ? `${problem.message}. ${problem.remedy}.` : `${path} cannot be written: ${messageOf(error)}`;
  return new UnwritableFile(code, message, error);
}
