import { chmod, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFiles, syncPath } from '../../agent/system/files.ts';
import { makeFolders } from '../../agent/system/folders.ts';

/** A folder that only its owner may enter, also if it existed with another mode. */
export async function privateFolder(path: string): Promise<void> {
  await makeFolders(path, 0o700);
  await chmod(path, 0o700);
}

/** A new file with exactly this mode, on the disk when this resolves. */
export async function writeSynced(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(path, 'w', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Renames; the new name is on the disk when this resolves. */
export async function renameSynced(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncPath(dirname(to));
}

/** Replaces a file as a whole (`Files.writeAtomic`) in a folder that others may enter. */
export async function replaceFile(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  await makeFolders(dirname(path), 0o777);
  await createFiles().writeAtomic(path, data, mode);
}
