import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './durable.ts';
import { below, forgetHub, hasState } from './forget-hub.ts';
import { HUB_FOLDER, LAST_FILE } from './hub-files.ts';
import { holds, PRIVATE_FOLDER, type Target } from './targets.ts';

/** The mounted root of one hub. Its last file makes it a hub; it goes first when another hub takes its place. */
export function rootTarget(root: string): Target {
  async function occupant(hubId: string): Promise<string | null> {
    const text = await below(root, HUB_FOLDER).then((folder) => readFile(join(folder, LAST_FILE), 'utf8').catch(() => null));
    // What an agent remembered belongs to some hub, also when its name is gone.
    if (text === null) return (await hasState(root)) ? 'an unknown hub' : null;
    const found = /"hubId":\s*"([^"]*)"/.exec(text)?.[1] ?? 'an unknown hub';
    return found.toLowerCase() === hubId.toLowerCase() ? null : found;
  }

  return {
    place: () => root,
    has: async (_, files) => holds(await below(root, HUB_FOLDER), files),
    occupant,
    async write(hubId, files) {
      const folder = await below(root, HUB_FOLDER);
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      // What the former hub remembers would answer for the next one. Its name goes last: until then it is known whose rest this is.
      if ((await occupant(hubId)) !== null) await forgetHub(root);
      await rm(join(folder, LAST_FILE), { force: true });
      for (const { name, mode, data } of files) await replaceFile(join(folder, name), data, mode);
    },
  };
}
