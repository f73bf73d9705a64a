import { join } from 'node:path';
import { type Manifest, manifestText, modeOf, parseManifest, type ReleasePart } from '../release/manifest.ts';
import { MANIFEST_FILE, PARTS_FOLDER, SIGNATURE_FILE } from '../release/places.ts';
import type { RefusalReason } from '../release/state.ts';
import type { Disk } from './disk.ts';

/** Ends the name of a release's folder while it is built. */
export const UNFINISHED = '.new';
/** Above every folder of a release: parts, manifest, signature, `native`. */
const MAX_DEPTH = 4;

/** Removes a folder with all in it. Only below root's own folder: no other user can put a link there meanwhile. */
export function removeTree(disk: Disk, path: string, depth = 0): void {
  if (depth < MAX_DEPTH) {
    let names: string[] = [];
    try {
      names = disk.list(path);
    } catch {
      // A file.
    }
    for (const name of names) removeTree(disk, join(path, name), depth + 1);
  }
  disk.remove(path);
}

/** A folder with a release whose parts may be taken over; it is verified again. */
function partsIn(disk: Disk, folder: string): Map<string, string> {
  try {
    const text = disk.read(join(folder, MANIFEST_FILE), 65_536)?.toString('utf8');
    const parts = text === undefined ? [] : parseManifest(text).parts;
    return new Map(parts.map(({ sha256, name }) => [sha256, join(folder, name)]));
  } catch {
    return new Map();
  }
}

/** Takes a part over from a release that is there: by one more name, or where that cannot be (another file system), by a copy. */
function takeOver(disk: Disk, from: string, to: string, part: ReleasePart): boolean {
  try {
    if (disk.hash(from, part.bytes) !== part.sha256) return false;
    disk.link(from, to);
    return true;
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return disk.copy(from, to, part.bytes, modeOf(part)) === part.sha256;
  }
}

/**
 * Builds the folder of a release: parts of releases that are there are linked, the others copied from what the agent fetched; each is hashed
 * as it lies in root's folder. All of it is durable before the folder has its name.
 * @param update the agent's folder; null: there is none
 * @returns null when the folder stands
 * @throws what the file system throws
 */
export function install(
  disk: Disk,
  {
    manifest,
    signature,
    releases,
    sources,
    update,
  }: { manifest: Manifest; signature: string; releases: string; sources: readonly string[]; update: string | null },
): RefusalReason | null {
  const folder = join(releases, String(manifest.sequence));
  const unfinished = folder + UNFINISHED;
  removeTree(disk, unfinished);
  removeTree(disk, folder);
  const known = sources.map((source) => partsIn(disk, source));
  disk.makeFolder(unfinished);
  const native = join(unfinished, 'native');
  if (manifest.parts.some(({ name }) => name.startsWith('native/'))) disk.makeFolder(native);
  for (const part of manifest.parts) {
    const to = join(unfinished, part.name);
    const taken = known.some((parts) => {
      const from = parts.get(part.sha256);
      return from !== undefined && takeOver(disk, from, to, part);
    });
    if (!taken) {
      disk.remove(to);
      const found = update === null ? null : disk.copy(join(update, PARTS_FOLDER, part.sha256), to, part.bytes, modeOf(part));
      if (found !== part.sha256) return found === null ? 'part_missing' : 'part_damaged';
    }
    disk.sync(to);
  }
  for (const [name, text] of [
    [MANIFEST_FILE, manifestText(manifest)],
    [SIGNATURE_FILE, `${signature.trim()}\n`],
  ] as const) {
    disk.write(join(unfinished, name), text, 0o644);
    disk.sync(join(unfinished, name));
  }
  if (manifest.parts.some(({ name }) => name.startsWith('native/'))) disk.sync(native);
  disk.sync(unfinished);
  disk.rename(unfinished, folder);
  disk.sync(releases);
  return null;
}
