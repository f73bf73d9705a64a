import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { type Manifest, parseManifest } from '../release/manifest.ts';
import {
  FACTORY_FOLDER,
  KEY_FOLDERS,
  MANIFEST_FILE,
  OLD_STATE_FILE,
  RELEASES_FOLDER,
  REQUEST_FILE,
  STATE_FILE,
  UPDATE_FOLDER,
} from '../release/places.ts';
import { trustedKey } from '../release/signature.ts';
import { FIRST_STATE, parseState, type ReleasesState } from '../release/state.ts';
import type { Files } from '../system/files.ts';
import type { Verdict } from './job-machine.ts';

/** What the agent knows of the releases on this hub. It reads them; only the updater changes them. */
export interface ReleaseFacts {
  state: ReleasesState;
  factory: { sequence: number; system: number };
  keys: readonly KeyObject[];
  /** Hashes of parts that the updater takes from releases which are there. */
  installed: ReadonlySet<string>;
}

/** A request to the updater, as it lies in `request.json`. */
export interface ReleaseRequest {
  attempt: string;
  manifest: string;
  signature: string;
}

/** The agent's side of the updater. */
export interface Releases {
  /** @throws whatever the file system throws, and where there is no factory release */
  facts(): Promise<ReleaseFacts>;
  /** Leaves the request; the updater is started by it. @throws whatever the file system throws */
  request(request: ReleaseRequest): Promise<void>;
  /** What became of an attempt. @throws whatever the file system throws */
  verdict(attempt: string): Promise<Verdict>;
}

/** Where releases lie; a test has other places. */
export interface ReleasePlaces {
  factory: string;
  releases: string;
  keys: readonly string[];
  stateDirectory: string;
}

/** The places of an installed hub. `root` stands before each absolute path; empty on a hub. */
export const placesOf = (stateDirectory: string, root: string): ReleasePlaces => ({
  factory: root + FACTORY_FOLDER,
  releases: root + RELEASES_FOLDER,
  keys: KEY_FOLDERS.map((folder) => root + folder),
  stateDirectory,
});

/** The state as root wrote it last; the one before when that is damaged, as the launcher reads it. */
async function readState(files: Pick<Files, 'read'>, releases: string): Promise<ReleasesState> {
  for (const name of [STATE_FILE, OLD_STATE_FILE]) {
    try {
      const data = await files.read(join(releases, name));
      if (data) return parseState(data.toString('utf8'));
    } catch {
      // The updater reports damage; here the older one counts.
    }
  }
  return FIRST_STATE;
}

async function manifestIn(files: Pick<Files, 'read'>, folder: string): Promise<Manifest | null> {
  try {
    const data = await files.read(join(folder, MANIFEST_FILE));
    return data && parseManifest(data.toString('utf8'));
  } catch {
    return null;
  }
}

function verdictIn({ trial, history }: ReleasesState, attempt: string): Verdict {
  if (trial?.attempt === attempt) return 'trial';
  const event = history.findLast((each) => each.attempt === attempt);
  if (event === undefined || event.what === 'trial') return 'none';
  if (event.what === 'committed') return { status: 'SUCCEEDED', reason: 'committed' };
  return { status: event.what === 'refused' ? 'REJECTED' : 'FAILED', reason: event.reason ?? event.what };
}

export function createReleases({
  files,
  places,
}: {
  files: Pick<Files, 'read' | 'list' | 'writeAtomic'>;
  places: ReleasePlaces;
}): Releases {
  const requestPath = join(places.stateDirectory, UPDATE_FOLDER, REQUEST_FILE);

  async function number(name: string): Promise<number> {
    const value = Number((await files.read(join(places.factory, name)))?.toString('utf8').trim() || Number.NaN);
    if (!Number.isSafeInteger(value)) throw new Error(`${join(places.factory, name)} has no number: the Debian package is incomplete`);
    return value;
  }

  async function keysIn(folder: string): Promise<KeyObject[]> {
    const names = (await files.list(folder)).filter((name) => name.endsWith('.pem'));
    const read = (name: string) => files.read(join(folder, name)).catch(() => null);
    return (await Promise.all(names.map(read))).flatMap((pem) => (pem && trustedKey(pem)) ?? []);
  }

  return {
    async facts() {
      const state = await readState(files, places.releases);
      const folders = [state.current, state.previous].filter(({ sequence }) => sequence > 0).map(({ sequence }) => String(sequence));
      const manifests = await Promise.all(
        [places.factory, ...folders.map((name) => join(places.releases, name))].map((folder) => manifestIn(files, folder)),
      );
      return {
        state,
        factory: { sequence: await number('SEQUENCE'), system: await number('SYSTEM') },
        keys: (await Promise.all(places.keys.map(keysIn))).flat(),
        installed: new Set(manifests.flatMap((manifest) => manifest?.parts.map(({ sha256 }) => sha256) ?? [])),
      };
    },

    // The updater is root, and reads it through the agent's folder.
    request: (request) => files.writeAtomic(requestPath, JSON.stringify(request)),

    async verdict(attempt) {
      // First the request: between the two the updater may take it and write its state.
      const waits = (await files.read(requestPath)) !== null;
      const verdict = verdictIn(await readState(files, places.releases), attempt);
      return verdict === 'none' && waits ? 'waiting' : verdict;
    },
  };
}
