import { dirname } from 'node:path';
import type { Files } from './files.ts';

/** What could not be done with a file or folder, the last time that it was tried. */
export interface FileFault {
  path: string;
  /** `verify`: it was read, and contradicts another file. */
  operation: keyof Files | 'verify';
  /** The error's code, such as `EACCES`; `ID_MISMATCH` for an id that contradicts the one in `identity.json`. */
  code: string;
}

/** Files that remember what failed. */
export interface WatchedFiles extends Files {
  /** What failed and did not work since; the latest last. */
  faults(): readonly FileFault[];
  /** Adds what the reader of a file found wrong with it. It stays until the process ends, unless `MAX_FAULTS` later ones take its place. */
  report(fault: FileFault): void;
}

/** More say nothing new: a folder or a disk is at fault then. */
const MAX_FAULTS = 8;

/** What is wrong with the one path. Anything else is wrong with its folder, or with the disk. */
const OF_ONE_PATH = ['EISDIR', 'ENOTEMPTY', 'EEXIST', 'ID_MISMATCH'];

const keyOf = (operation: FileFault['operation'], path: string) => `${operation} ${path}`;

/** Remembers for each path and operation whether it worked the last time, there or beside it. */
export function watchFiles(files: Files): WatchedFiles {
  const faults = new Map<string, FileFault>();

  function report(fault: FileFault): void {
    const key = keyOf(fault.operation, fault.path);
    faults.delete(key);
    faults.set(key, fault);
    for (const oldest of faults.keys()) if (faults.size > MAX_FAULTS) faults.delete(oldest);
  }

  /** A folder that takes another file has room and rights again: a file of one command is never tried a second time. */
  function worked(operation: keyof Files, path: string): void {
    for (const [key, fault] of faults) {
      const isOver = fault.path === path || (dirname(fault.path) === dirname(path) && !OF_ONE_PATH.includes(fault.code));
      if (fault.operation === operation && isOver) faults.delete(key);
    }
  }

  async function watched<T>(operation: keyof Files, path: string, work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      worked(operation, path);
      return result;
    } catch (error) {
      report({ path, operation, code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' });
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
    report,
  };
}
