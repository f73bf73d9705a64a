import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { installedParts } from '../../release/installed-parts.ts';
import type { Manifest, ReleasePart } from '../../release/manifest.ts';
import { FACTORY_FOLDER, KEY_FOLDERS, RELEASES_FOLDER, ROLLBACK_FILE } from '../../release/places.ts';
import { readReleasesState } from '../../release/read-state.ts';
import { trustedKeys } from '../../release/signature.ts';
import type { ReleaseEvent, ReleasesState } from '../../release/state.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';

/** The releases of this hub, as hubctl sees them. */
export interface HubReleases {
  state(): Promise<ReleasesState>;
  /** The sequence of the package; null: not known. */
  factorySequence(): Promise<number | null>;
  /** The keys that this hub trusts. @throws errors of the file system */
  keys(): Promise<KeyObject[]>;
  /** The parts that no release on the hub has, and how many bytes of the others are copied from the package. */
  missing(manifest: Manifest): Promise<{ parts: ReleasePart[]; copiedBytes: number }>;
  /** Root asks for the way back from this sequence. @throws errors of the file system */
  askRollback(from: number): Promise<void>;
  /** Passes on what happens to an attempt until `isEnd`, or null when it does not come in time. */
  follow(
    options: { timeoutMs: number; signal: AbortSignal; isOurs(event: ReleaseEvent): boolean; isEnd(event: ReleaseEvent): boolean },
    onEvent: (event: ReleaseEvent) => void,
  ): Promise<ReleaseEvent | null>;
}

const LOOK_MS = 500;

/** @param root before every absolute path; empty on a hub */
export function createHubReleases({ root, files, clock }: { root: string; files: Files; clock: MonotonicClock }): HubReleases {
  const releases = join(root, '/', RELEASES_FOLDER);
  const factory = join(root, '/', FACTORY_FOLDER);
  const read = (path: string) => files.read(path, { follow: false });
  const state = () => readReleasesState(read, releases);

  return {
    state,

    async factorySequence() {
      const text = (await files.read(join(factory, 'SEQUENCE')).catch(() => null))?.toString('latin1').trim() ?? '';
      return /^\d{1,16}$/.test(text) ? Number(text) : null;
    },

    keys: () =>
      trustedKeys(
        files,
        KEY_FOLDERS.map((folder) => join(root, '/', folder)),
      ),

    async missing({ parts }) {
      const { installed, copied } = await installedParts(read, { factory, releases }, await state());
      return {
        copiedBytes: parts.reduce((sum, { sha256, bytes }) => sum + (copied.has(sha256) ? bytes : 0), 0),
        parts: parts.filter(({ sha256 }) => !installed.has(sha256)),
      };
    },

    askRollback: (from) => files.writeAtomic(join(releases, ROLLBACK_FILE), `${from}\n`),

    async follow({ timeoutMs, signal, isOurs, isEnd }, onEvent) {
      const untilMs = clock.nowMs() + timeoutMs;
      let seen = 0;
      while (clock.nowMs() < untilMs && !signal.aborted) {
        const events = (await state()).history.filter(isOurs);
        for (const event of events.slice(seen)) {
          onEvent(event);
          if (isEnd(event)) return event;
        }
        seen = events.length;
        await sleep(clock, LOOK_MS, signal);
      }
      return null;
    },
  };
}
