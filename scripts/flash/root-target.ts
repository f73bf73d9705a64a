import { lstat, mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './durable.ts';
import { HUB_FOLDER, LAST_FILE, STATE_FOLDER } from './hub-files.ts';
import { holds, PRIVATE_FOLDER, type Target } from './targets.ts';

/** Pairs that were installed on the running hub, and the link to the one in use. */
const INSTALLED_PREFIX = 'credentials';

/**
 * A folder below the root, no link on the way: an absolute one means a folder of the hub, and would be followed to this machine's own.
 * @throws Error with the link
 */
async function below(root: string, folder: string): Promise<string> {
  let path = await realpath(root);
  for (const part of folder.split('/')) {
    path = join(path, part);
    if ((await lstat(path).catch(() => null))?.isSymbolicLink()) {
      throw new Error(
        `${path} is a symbolic link and may lead out of the root. Mount in its place the folder that it means, and run again.`,
      );
    }
  }
  return path;
}

/** The mounted root of one hub. Its last file makes it a hub; it goes first when another hub takes its place. */
export function rootTarget(root: string): Target {
  const stateNames = async () =>
    below(root, STATE_FOLDER)
      .then((state) => readdir(state))
      .catch(() => []);

  async function occupant(hubId: string): Promise<string | null> {
    const text = await below(root, HUB_FOLDER).then((folder) => readFile(join(folder, LAST_FILE), 'utf8').catch(() => null));
    // What an agent remembered belongs to some hub, also when its name is gone.
    if (text === null) return (await stateNames()).length > 0 ? 'an unknown hub' : null;
    const found = /"hubId":\s*"([^"]*)"/.exec(text)?.[1] ?? 'an unknown hub';
    return found.toLowerCase() === hubId.toLowerCase() ? null : found;
  }

  /** What a hub remembers and was given on the way would answer for the next one. The name goes last: until then it is known whose rest this is. */
  async function clear(folder: string): Promise<void> {
    const state = await below(root, STATE_FOLDER);
    const given = (await readdir(folder)).filter((name) => name.startsWith(INSTALLED_PREFIX));
    const rest = [...(await readdir(state).catch(() => [])).map((name) => join(state, name)), ...given.map((name) => join(folder, name))];
    for (const path of rest) await rm(path, { recursive: true, force: true });
  }

  return {
    place: () => root,
    has: async (_, files) => holds(await below(root, HUB_FOLDER), files),
    occupant,
    async write(hubId, files) {
      const folder = await below(root, HUB_FOLDER);
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      if ((await occupant(hubId)) !== null) await clear(folder);
      await rm(join(folder, LAST_FILE), { force: true });
      for (const { name, mode, data } of files) await replaceFile(join(folder, name), data, mode);
    },
  };
}
