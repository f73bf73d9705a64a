import type { Files } from './files.ts';

/** What could not be done with a file or folder, the last time that it was tried. */
export interface FileFault {
  path: string;
  operation: keyof Files;
  /** The error's code, such as `EACCES`. */
  code: string;
}

/** Files that remember what failed. */
export interface WatchedFiles extends Files {
  /** What failed and did not work since; the latest last. */
  faults(): readonly FileFault[];
}

/** More say nothing new: a folder or a disk is at fault then. */
const MAX_FAULTS = 8;

/** Remembers for each path and operation whether it worked the last time. */
export function watchFiles(files: Files): WatchedFiles {
  const faults = new Map<string, FileFault>();

  async function watched<T>(operation: keyof Files, path: string, work: Promise<T>): Promise<T> {
    const key = `${operation} ${path}`;
    try {
      const result = await work;
      faults.delete(key);
      return result;
    } catch (error) {
      faults.delete(key);
      faults.set(key, { path, operation, code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' });
      for (const oldest of faults.keys()) if (faults.size > MAX_FAULTS) faults.delete(oldest);
      throw error;
    }
  }

  return {
    read: (path, options) => watched('read', path, files.read(path, options)),
    writeAtomic: (path, data, mode) => watched('writeAtomic', path, files.writeAtomic(path, data, mode)),
    list: (directory) => watched('list', directory, files.list(directory)),
    remove: (path) => watched('remove', path, files.remove(path)),
    rename: (from, to) => watched('rename', from, files.rename(from, to)),
    removeTorn: (directory) => watched('removeTorn', directory, files.removeTorn(directory)),
    faults: () => [...faults.values()],
  };
}
