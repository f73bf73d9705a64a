import { parseManifest } from './manifest.ts';
import { MANIFEST_FILE } from './places.ts';
import type { ReleasesState } from './state.ts';

/** Hashes of parts that are on the hub. */
export interface InstalledParts {
  /** Of the package, the release in use, and the one before. The updater takes them over, so they are not brought again. */
  installed: ReadonlySet<string>;
  /**
   * Of these, what only the package has: it is copied and takes room. Between later releases a part gets one more name; the package lies on another
   * mount, at least for the updater's sandbox, where that cannot be (link(2), EXDEV).
   */
  copied: ReadonlySet<string>;
}

/**
 * What is on the hub. A manifest that cannot be read counts as none. Never throws.
 * @param read a file's bytes; null when there is none
 */
export async function installedParts(
  read: (path: string) => Promise<Buffer | null>,
  { factory, releases }: { factory: string; releases: string },
  { current, previous }: Pick<ReleasesState, 'current' | 'previous'>,
): Promise<InstalledParts> {
  async function hashesIn(folder: string): Promise<string[]> {
    try {
      const data = await read(`${folder}/${MANIFEST_FILE}`);
      return data === null ? [] : parseManifest(data.toString('utf8')).parts.map(({ sha256 }) => sha256);
    } catch {
      return [];
    }
  }
  const folders = [current, previous].filter(({ sequence }) => sequence > 0).map(({ sequence }) => `${releases}/${sequence}`);
  const later = new Set((await Promise.all(folders.map(hashesIn))).flat());
  const ofPackage = await hashesIn(factory);
  return { installed: new Set([...later, ...ofPackage]), copied: new Set(ofPackage.filter((sha256) => !later.has(sha256))) };
}
