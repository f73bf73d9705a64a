import { dirname, join } from 'node:path';
import { MAX_MANIFEST_BYTES, type Manifest, manifestText, modeOf, parseManifest, type ReleasePart } from '../release/manifest.ts';
import { MANIFEST_FILE, PARTS_FOLDER, SIGNATURE_FILE } from '../release/places.ts';
import type { RefusalReason } from '../release/state.ts';
import type { Disk } from './disk.ts';

/** Ends the name of a release's folder, or of a file, while it is made. */
export const UNFINISHED = '.new';

/** The parts of a release that is there, by their hash. */
function partsIn(disk: Disk, folder: string): Map<string, string> {
  try {
    const { parts } = parseManifest(disk.read(join(folder, MANIFEST_FILE), MAX_MANIFEST_BYTES)?.toString('utf8') ?? '');
    return new Map(parts.map(({ sha256, name }) => [sha256, join(folder, name)]));
  } catch {
    return new Map();
  }
}

/** Takes a part over from a release that is there: by one more name, or where that cannot be (another file system), by a copy. */
function takeOver(disk: Disk, from: string, to: string, part: ReleasePart): boolean {
  try {
    disk.link(from, to);
  } catch {
    if (!disk.copy(from, to, part.bytes, modeOf(part))) return false;
  }
  if (disk.hash(to, part.bytes) === part.sha256) return true;
  disk.remove(to);
  return false;
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
  { manifest, signature }: { manifest: Manifest; signature: string },
  { releases, sources, update }: { releases: string; sources: readonly string[]; update: string | null },
): RefusalReason | null {
  const folder = join(releases, String(manifest.sequence));
  const unfinished = folder + UNFINISHED;
  disk.removeTree(unfinished);
  disk.removeTree(folder);
  const known = sources.map((source) => partsIn(disk, source));
  const folders = new Set([unfinished, ...manifest.parts.map(({ name }) => dirname(join(unfinished, name)))]);
  for (const each of folders) disk.makeFolder(each);
  for (const part of manifest.parts) {
    const to = join(unfinished, part.name);
    const places = known.flatMap((parts) => parts.get(part.sha256) ?? []);
    if (places.some((from) => takeOver(disk, from, to, part))) continue;
    if (update === null || !disk.copy(join(update, PARTS_FOLDER, part.sha256), to, part.bytes, modeOf(part))) return 'part_missing';
    if (disk.hash(to, part.bytes) !== part.sha256) return 'part_damaged';
  }
  disk.write(join(unfinished, MANIFEST_FILE), manifestText(manifest), 0o644);
  disk.write(join(unfinished, SIGNATURE_FILE), `${signature.trim()}\n`, 0o644);
  for (const each of folders) disk.sync(each);
  disk.rename(unfinished, folder);
  disk.sync(releases);
  return null;
}
