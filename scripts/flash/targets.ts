import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath } from '../../agent/system/files.ts';
import { makeFolders } from '../../agent/system/folders.ts';
import { privateFolder, renameSynced, writeSynced } from './durable.ts';
import { HUB_FOLDER, type HubFile } from './hub-files.ts';

/** Where a hub's files go. A hub is there as a whole or not at all, whenever the power goes. */
export interface Target {
  /** Its name in the report. */
  place(hubId: string): string;
  /** False when something else is there, or nothing. */
  has(hubId: string, files: readonly HubFile[]): Promise<boolean>;
  write(hubId: string, files: readonly HubFile[]): Promise<void>;
  /** The hub that is there in its stead; null when there is none. */
  occupant(hubId: string): Promise<string | null>;
}

/** Mode of a hub's folder: its owner and, from boot on, the agent's group. */
export const PRIVATE_FOLDER = 0o750;

/** A folder a hub, to be copied or unpacked over its root. */
export function folderTarget(output: string): Target {
  const place = (hubId: string) => join(output, 'hubs', hubId);
  return {
    place,
    has: (hubId, files) => holds(join(place(hubId), HUB_FOLDER), files),
    occupant: () => Promise.resolve(null),
    async write(hubId, files) {
      await privateFolder(join(output, 'hubs'));
      const staging = join(output, 'hubs', `.${hubId}.new`);
      await rm(staging, { recursive: true, force: true });
      const folder = join(staging, HUB_FOLDER);
      await makeFolders(join(folder, '..'), 0o755);
      await mkdir(folder, { mode: PRIVATE_FOLDER });
      for (const { name, mode, data } of files) await writeSynced(join(folder, name), data, mode);
      await syncPath(folder);
      await rm(place(hubId), { recursive: true, force: true });
      await renameSynced(staging, place(hubId));
    },
  };
}

/** Whether a folder has exactly these files, with these modes. */
async function holds(folder: string, files: readonly HubFile[]): Promise<boolean> {
  for (const { name, mode, data } of files) {
    const path = join(folder, name);
    const there = await readFile(path).catch(() => null);
    if (!there?.equals(data) || ((await stat(path)).mode & 0o777) !== mode) return false;
  }
  return true;
}
