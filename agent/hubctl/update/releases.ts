import { join } from 'node:path';
import { installedParts } from '../../release/installed-parts.ts';
import { FACTORY_FOLDER, PARTS_FOLDER, RELEASES_FOLDER, REQUEST_FILE, ROLLBACK_FILE, UPDATE_FOLDER } from '../../release/places.ts';
import { readReleasesState } from '../../release/read-state.ts';
import type { ReleaseEvent, ReleasesState } from '../../release/state.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { ReleaseFile } from './release-file.ts';

/** The releases of this hub, as hubctl sees and changes them. */
export interface HubReleases {
  state(): Promise<ReleasesState>;
  /** The sequence of the package; null: not known. */
  factorySequence(): Promise<number | null>;
  /** What is missing on the hub for this release, and how many bytes are copied from the package. */
  missing(release: ReleaseFile): Promise<{ parts: { sha256: string; data: Buffer }[]; copiedBytes: number }>;
  /** Leaves parts and request for the updater, in the agent's folder. @throws errors of the file system */
  request(release: ReleaseFile, parts: readonly { sha256: string; data: Buffer }[], attempt: string): Promise<void>;
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
export function createHubReleases({
  root,
  stateDirectory,
  files,
  clock,
}: {
  root: string;
  stateDirectory: string;
  files: Files;
  clock: MonotonicClock;
}): HubReleases {
  const releases = join(root, '/', RELEASES_FOLDER);
  const factory = join(root, '/', FACTORY_FOLDER);
  const update = join(stateDirectory, UPDATE_FOLDER);
  const read = (path: string) => files.read(path, { follow: false });
  const state = () => readReleasesState(read, releases);

  return {
    state,

    async factorySequence() {
      const text = (await files.read(join(factory, 'SEQUENCE')).catch(() => null))?.toString('latin1').trim() ?? '';
      return /^\d{1,16}$/.test(text) ? Number(text) : null;
    },

    async missing(release) {
      const { installed, copied } = await installedParts(read, { factory, releases }, await state());
      const copiedBytes = release.manifest.parts.reduce((sum, { sha256, bytes }) => sum + (copied.has(sha256) ? bytes : 0), 0);
      const parts = release.manifest.parts.flatMap((part) => {
        const data = installed.has(part.sha256) ? null : release.part(part);
        return data === null ? [] : [{ sha256: part.sha256, data }];
      });
      return { parts, copiedBytes };
    },

    async request({ text, signature }, parts, attempt) {
      for (const { sha256, data } of parts) await files.writeAtomic(join(update, PARTS_FOLDER, sha256), data);
      await files.writeAtomic(join(update, REQUEST_FILE), JSON.stringify({ manifest: text, signature, attempt }));
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
