import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withRegularFile } from '../../agent/system/regular-file.ts';

/**
 * A folder of a board's file system that is mounted here. What is on the board was written by others: nothing of it is followed. The folder is held
 * open, and names in it are reached through /proc/self/fd (proc(5)), so that no part of its path is looked up a second time.
 */
export interface MountedFolder {
  /** Null when there is no such name. @throws Error for a link, a pipe or a device: what is no file is neither followed nor waited for */
  read(name: string): Promise<{ data: Buffer; mode: number } | null>;
  /** Replaces a file by a new one, and reads it back: after a crash there is the old one or the new one. @throws Error when it is not there as it should be */
  write(name: string, data: Buffer, mode: number): Promise<void>;
  /** Removes a name with all that is below it; of a link, the link. */
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Names of files that are being written. They cannot be known beforehand, and an existing name is refused. */
const TEMPORARY = /^\.flash-[0-9a-f]{16}$/;

/**
 * Opens a folder below a mounted root, part by part, no link on the way: an absolute one means a folder of the board, and would be followed to this
 * machine's own.
 * @param createMode makes the last part with this mode when it is missing; without it a missing folder gives null
 * @throws Error that names the part that is no folder
 */
export async function openMountedFolder(root: string, folder: string, createMode?: number): Promise<MountedFolder | null> {
  let path = await realpath(root);
  let handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const parts = folder.split('/');
  for (const [index, part] of parts.entries()) {
    const at = `/proc/self/fd/${handle.fd}/${part}`;
    path = `${path}/${part}`;
    const parent = handle;
    try {
      if (createMode !== undefined) await makeFolder(at, index === parts.length - 1 ? createMode : 0o755);
      handle = await open(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return null;
      if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
      const isLink = (await lstat(at)).isSymbolicLink();
      throw new Error(
        isLink
          ? `${path} is a symbolic link and may lead out of the root. Mount in its place the folder that it means, and run again.`
          : `${path} is no folder. Check the board, or flash it anew.`,
      );
    } finally {
      await parent.close();
    }
  }
  return folderOf(handle, path);
}

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function folderOf(handle: FileHandle, path: string): MountedFolder {
  const at = (name: string) => {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error(`"${name}" is no name of a file.`);
    return `/proc/self/fd/${handle.fd}/${name}`;
  };

  async function read(name: string): Promise<{ data: Buffer; mode: number } | null> {
    const found = await lstat(at(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found === null) return null;
    // Before the open, which alone can have a device do something.
    if (!found.isFile()) throw new Error(`${path}/${name} is not a regular file. Remove it from the board, and run again.`);
    return withRegularFile(at(name), { follow: false }, async (file) => ({ data: await file.read(), mode: file.mode }));
  }

  async function create(name: string, data: Buffer, mode: number): Promise<void> {
    const file = await open(at(name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
    try {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  return {
    read,
    remove: (name) => rm(at(name), { recursive: true, force: true }),
    close: () => handle.close(),

    async write(name, data, mode) {
      for (const left of await readdir(dirname(at('x')))) if (TEMPORARY.test(left)) await rm(at(left), { recursive: true, force: true });
      const temporary = `.flash-${randomBytes(8).toString('hex')}`;
      try {
        await create(temporary, data, mode);
        await removeFolderInTheWay(at(name));
        await rename(at(temporary), at(name));
      } catch (error) {
        await rm(at(temporary), { force: true });
        throw error;
      }
      await handle.sync();
      const back = await read(name);
      if (!back?.data.equals(data) || back.mode !== mode) {
        throw new Error(`${path}/${name} is not as it was written. Check the board's file system (fsck) and its mount options.`);
      }
    },
  };
}

/** A rename replaces anything but a folder. */
async function removeFolderInTheWay(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.isDirectory()) await rm(path, { recursive: true });
}
