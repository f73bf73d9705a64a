import { forgetHub, hasState } from './forget-hub.ts';
import { HUB_FOLDER, LAST_FILE } from './hub-files.ts';
import { type MountedFolder, openMountedFolder } from './mounted-folder.ts';
import { PRIVATE_FOLDER, type Target } from './targets.ts';

/** The name of a hub that can be printed: anything else on a board may be escapes. */
const HUB_ID = /"hubId":\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/i;
const UNKNOWN = 'an unknown hub';

/** The mounted root of one hub. Its last file makes it a hub; it goes first when another hub takes its place. Nothing on it is followed. */
export function rootTarget(root: string): Target {
  async function within<T>(use: (folder: MountedFolder) => Promise<T>, missing: () => Promise<T>): Promise<T> {
    const opened = await openMountedFolder(root, HUB_FOLDER);
    if (opened === null) return missing();
    try {
      return await use(opened);
    } finally {
      await opened.close();
    }
  }

  // What an agent remembered belongs to some hub, also when its name is gone.
  const unnamedOccupant = async () => ((await hasState(root)) ? UNKNOWN : null);

  async function occupantOf(folder: MountedFolder, hubId: string): Promise<string | null> {
    const found = await folder.read(LAST_FILE).catch(() => ({ data: Buffer.from('') }));
    if (found === null) return unnamedOccupant();
    const name = HUB_ID.exec(found.data.toString('utf8'))?.[1] ?? UNKNOWN;
    return name.toLowerCase() === hubId.toLowerCase() ? null : name;
  }

  return {
    place: () => root,
    occupant: (hubId) => within((folder) => occupantOf(folder, hubId), unnamedOccupant),
    has: (_, files) =>
      within(
        async (folder) => {
          for (const { name, mode, data } of files) {
            const found = await folder.read(name).catch(() => null);
            if (!found?.data.equals(data) || found.mode !== mode) return false;
          }
          return true;
        },
        async () => false,
      ),
    async write(hubId, files) {
      const folder = (await openMountedFolder(root, HUB_FOLDER, PRIVATE_FOLDER))!;
      try {
        // What the former hub remembers would answer for the next one. Its name goes last: until then it is known whose rest this is.
        if ((await occupantOf(folder, hubId)) !== null) await forgetHub(root);
        await folder.remove(LAST_FILE);
        for (const { name, mode, data } of files) await folder.write(name, data, mode);
      } finally {
        await folder.close();
      }
    },
  };
}
