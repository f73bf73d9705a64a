import { join } from 'node:path';
import type { Cloud } from '../cloud/cloud.ts';
import type { AgentConfig } from '../config/config.ts';
import { debianArch } from '../release/manifest.ts';
import { createPartFiles } from '../release/part-file.ts';
import { PARTS_FOLDER, UPDATE_FOLDER } from '../release/places.ts';
import type { MonotonicClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { HubError } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { createProcessLock } from '../system/process-lock.ts';
import { createJobJournal } from '../update/job-journal.ts';
import { jobsTopicsOf } from '../update/job-topics.ts';
import { createReleases, placesOf } from '../update/releases.ts';
import { createUpdates, type Updates } from '../update/updates.ts';
import type { MakeBundle } from '../update/upload-bundle.ts';

/** A slow hub with a full journal. */
const BUNDLE_MS = 180_000;
const BUNDLE_FILE = 'bundle.tar.gz';

/** hubctl's own bundle: what is secret is taken out there, or it is not made. The program lies beside the agent's. */
function bundleMaker(files: Pick<Files, 'read' | 'remove'>, folder: string): MakeBundle {
  const program = (process.argv[1] ?? '').replace(/hub-agent\.cjs$/, 'hubctl.cjs').replace(/main\.ts$/, 'hubctl.ts');
  const path = join(folder, BUNDLE_FILE);
  return async (signal) => {
    await files.remove(path);
    const ended = Promise.withResolvers<void>();
    // Loaded here: a start has no use for it.
    const { execFile } = process.getBuiltinModule('node:child_process');
    execFile(process.execPath, [program, 'bundle', '--json', '--output', path], { timeout: BUNDLE_MS, signal }, (error) =>
      error ? ended.reject(new HubError('internal', 'hubctl could not make the bundle', { cause: error })) : ended.resolve(),
    );
    await ended.promise;
    const data = await files.read(path);
    await files.remove(path);
    if (!data) throw new HubError('internal', 'hubctl left no bundle');
    return data;
  };
}

/** Jobs of AWS IoT, as configured; null where they are off. */
export function createUpdateJobs(
  config: AgentConfig,
  deps: { root: string; cloud: () => Cloud; files: Files; isBusy(): boolean; clock: MonotonicClock; entropy: Entropy; log: Log },
): Updates | null {
  const { update, identity, stateDirectory, tls } = config;
  if (!update.jobs) return null;
  const folder = join(stateDirectory, UPDATE_FOLDER);
  return createUpdates({
    ...deps,
    topics: jobsTopicsOf(identity.thingName),
    publish: (topic, payload) => deps.cloud().publishJobs(topic, payload),
    journal: createJobJournal({ ...deps, stateDirectory }),
    releases: createReleases({ files: deps.files, places: placesOf(stateDirectory, deps.root) }),
    lock: createProcessLock(folder),
    parts: createPartFiles(join(folder, PARTS_FOLDER)),
    makeBundle: bundleMaker(deps.files, folder),
    arch: debianArch(process.arch),
    model: identity.model,
    // Loaded when something is fetched: the module and its list take 5 MB.
    ca: () => [tls.authorities, ...process.getBuiltinModule('node:tls').rootCertificates],
    bytesPerSecond: update.maxKilobytesPerSecond * 1024,
    spreadMs: update.spreadSeconds * 1000,
  });
}
