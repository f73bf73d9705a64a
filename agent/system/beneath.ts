import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * Opens a folder and the folders below it one by one, none of those below by a link, and hands out a path that stays at the last one even if they are
 * renamed meanwhile (proc(5), /proc/PID/fd). For folders that another user may change. The first folder is taken by its path.
 * @throws errors of the file system; ELOOP or ENOTDIR for a link
 */
export async function withFolderBeneath<T>(folder: string, names: readonly string[], use: (path: string) => Promise<T>): Promise<T> {
  const handles: FileHandle[] = [];
  try {
    let path = folder;
    for (const [index, name] of ['', ...names].entries()) {
      const handle = await open(index === 0 ? path : `${path}/${name}`, O_RDONLY | O_DIRECTORY | (index === 0 ? 0 : O_NOFOLLOW));
      handles.push(handle);
      path = `/proc/self/fd/${handle.fd}`;
    }
    return await use(path);
  } finally {
    for (const handle of handles) await handle.close();
  }
}
