import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { type InstalledParts, installedParts } from '../release/installed-parts.ts';
import { FACTORY_FOLDER, KEY_FOLDERS, RELEASES_FOLDER, REQUEST_FILE, UPDATE_FOLDER } from '../release/places.ts';
import { readReleasesState } from '../release/read-state.ts';
import { trustedKeys } from '../release/signature.ts';
import type { ReleasesState } from '../release/state.ts';
import type { Files } from '../system/files.ts';
import type { Verdict } from './job-machine.ts';

/** What the agent knows of the releases on this hub. It reads them; only the updater changes them. */
export interface ReleaseFacts extends InstalledParts {
  state: ReleasesState;
  factory: { sequence: number; system: number };
  keys: readonly KeyObject[];
}

/** A request to the updater, as it lies in `request.json`. */
export interface ReleaseRequest {
  attempt: string;
  manifest: string;
  signature: string;
}

/** The agent's side of the updater. */
export interface Releases {
  /** @throws errors of the file system, and where there is no factory release */
  facts(): Promise<ReleaseFacts>;
  /** Leaves the request; the updater is started by it. @throws errors of the file system */
  request(request: ReleaseRequest): Promise<void>;
  /** Whether a request waits for the updater, from whom ever. @throws errors of the file system */
  isRequested(): Promise<boolean>;
  /** What became of an attempt. @throws errors of the file system */
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
  const read = (path: string) => files.read(path);
  const state = () => readReleasesState(read, places.releases);
  const requestPath = join(places.stateDirectory, UPDATE_FOLDER, REQUEST_FILE);

  const isRequested = async () => (await files.read(requestPath)) !== null;

  async function number(name: string): Promise<number> {
    const value = Number((await files.read(join(places.factory, name)))?.toString('utf8').trim() || Number.NaN);
    if (!Number.isSafeInteger(value)) throw new Error(`${join(places.factory, name)} has no number: the Debian package is incomplete`);
    return value;
  }

  return {
    async facts() {
      const current = await state();
      return {
        state: current,
        factory: { sequence: await number('SEQUENCE'), system: await number('SYSTEM') },
        keys: await trustedKeys(files, places.keys),
        ...(await installedParts(read, places, current)),
      };
    },

    // The updater is root, and reads it through the agent's folder.
    request: (request) => files.writeAtomic(requestPath, JSON.stringify(request)),

    isRequested,

    async verdict(attempt) {
      // First the request: between the two the updater may take it and write its state.
      const waits = await isRequested();
      const verdict = verdictIn(await state(), attempt);
      return verdict === 'none' && waits ? 'waiting' : verdict;
    },
  };
}
