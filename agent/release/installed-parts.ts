import { parseManifest } from './manifest.ts';
import { MANIFEST_FILE } from './places.ts';
import type { ReleasesState } from './state.ts';

/**
 * The hashes of the parts that releases on the hub have: the package's, the one in use, and the one before. The updater takes these over, so they are
 * not brought again. A manifest that cannot be read counts as none. Never throws.
 * @param read a file's bytes; null when there is none
 */
export async function installedParts(
  read: (path: string) => Promise<Buffer | null>,
  { factory, releases }: { factory: string; releases: string },
  { current, previous }: Pick<ReleasesState, 'current' | 'previous'>,
): Promise<Set<string>> {
  async function hashesIn(folder: string): Promise<string[]> {
    try {
      const data = await read(`${folder}/${MANIFEST_FILE}`);
      return data === null ? [] : parseManifest(data.toString('utf8')).parts.map(({ sha256 }) => sha256);
    } catch {
      return [];
    }
  }
  const later = [current, previous].filter(({ sequence }) => sequence > 0).map(({ sequence }) => `${releases}/${sequence}`);
  return new Set((await Promise.all([factory, ...later].map(hashesIn))).flat());
}
