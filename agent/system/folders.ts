import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. Node's recursive `mkdir` never returns, and keeps a thread busy, where a folder that
 * exists answers ENOENT to what is made in it: a removed folder that a bind mount still shows, or /proc (measured, Node 24).
 * @throws errors of the file system
 */
export async function makeFolders(path: string, mode: number): Promise<void> {
  const fault = await made(path, mode);
  if (fault === null) return;
  if (fault.code !== 'ENOENT' || dirname(path) === path) throw fault;
  await makeFolders(dirname(path), mode);
  const again = await made(path, mode);
  if (again !== null) throw again;
}

/** Null when the folder is there, made now or before. */
async function made(path: string, mode: number): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(path, { mode });
    return null;
  } catch (error) {
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? null : (error as NodeJS.ErrnoException);
  }
}
