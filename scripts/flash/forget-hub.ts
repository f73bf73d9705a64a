import { lstat, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAgentProfile, MACHINE_LAYOUT, type MachinePlace } from '../../agent/state/machine-layout.ts';
import { readRegularFile } from '../../agent/system/regular-file.ts';
import { STATE_FOLDER } from './hub-files.ts';

/** Pairs that were installed on the running hub, and the link to the one in use. */
const INSTALLED_PREFIX = 'credentials';

/**
 * A folder below the root, no link on the way: an absolute one means a folder of the hub, and would be followed to this machine's own.
 * @throws Error with the link
 */
async function below(root: string, folder: string): Promise<string> {
  let path = await realpath(root);
  for (const part of folder.split('/').filter(Boolean)) {
    path = join(path, part);
    if ((await lstat(path).catch(() => null))?.isSymbolicLink()) {
      throw new Error(
        `${path} is a symbolic link and may lead out of the root. Mount in its place the folder that it means, and run again.`,
      );
    }
  }
  return path;
}

async function isProfile(path: string): Promise<boolean> {
  return readRegularFile(path, { follow: false, maxBytes: 256 * 1024 }).then(
    (data) => isAgentProfile(data.toString('utf8')),
    () => false,
  );
}

async function namesAt({ takes }: MachinePlace, folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  if (takes === 'credentials') return names.filter((name) => name.startsWith(INSTALLED_PREFIX));
  if (takes !== 'profiles') return names;
  const own = await Promise.all(names.map((name) => isProfile(join(folder, name))));
  return names.filter((_, index) => own[index]);
}

/** Whether an agent has run there. Keys and profiles may come with the image. */
export async function hasState(root: string): Promise<boolean> {
  const names = await below(root, STATE_FOLDER)
    .then((folder) => readdir(folder))
    .catch(() => []);
  return names.length > 0;
}

/** What a former hub left below a mounted root, other than the files that flashing writes anew. @throws Error for a link on the way */
async function leftBehind(root: string): Promise<string[]> {
  const places = MACHINE_LAYOUT.filter(({ forgottenBy }) => forgottenBy !== 'purge');
  const found = await Promise.all(
    places.map(async (place) => {
      const folder = await below(root, place.path);
      return (await namesAt(place, folder)).map((name) => join(folder, name));
    }),
  );
  return found.flat();
}

/** Removes it. What it means for another hub is in `MACHINE_LAYOUT`. */
export async function forgetHub(root: string): Promise<void> {
  for (const path of await leftBehind(root)) await rm(path, { recursive: true, force: true });
}
