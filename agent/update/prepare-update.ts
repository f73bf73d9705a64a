import { type Manifest, parseManifest, type ReleasePart } from '../release/manifest.ts';
import type { PartFiles } from '../release/part-file.ts';
import { refusalOf } from '../release/refusal.ts';
import { isSigned } from '../release/signature.ts';
import { type MonotonicClock, sleep } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { fetchPart } from './fetch-part.ts';
import { attemptOf, type JobOutcome, type JobRef } from './job.ts';
import type { JobOperation } from './job-document.ts';
import type { ReleaseFacts, Releases } from './releases.ts';

/** `ready`: the parts are there. `stale`: the document's URLs have expired. */
export type Prepared = 'ready' | 'stale' | JobOutcome;

export interface PrepareDeps {
  releases: Pick<Releases, 'facts'>;
  parts: PartFiles;
  arch: string;
  model: string;
  /** Certificate authorities of the store, PEM. */
  ca: () => readonly string[];
  bytesPerSecond: number;
  clock: MonotonicClock;
  entropy: Entropy;
}

/** Left free when everything is there twice, the agent's copy and the updater's. */
const SPARE_BYTES = 64 * 1024 * 1024;
/** A compressed part is smaller than the part, but for what does not compress. */
const FRAME_BYTES = 64 * 1024;
/** Attempts in a row that brought no byte, and a URL that was fresh and opened nothing. */
const MAX_FRUITLESS = 20;
const MIN_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 300_000;
/** A part that arrives damaged again is damaged where it lies. */
const MAX_DAMAGED = 2;
/** So often its size is fetched for one part: a store whose object is another one at each look ends there. */
const MAX_TIMES_FETCHED = 4;

const failed = (reason: string): JobOutcome => ({ status: 'FAILED', reason });
const rejected = (reason: string): JobOutcome => ({ status: 'REJECTED', reason });

/** Validates as the updater will, so that nothing is fetched in vain. */
function validated(
  attempt: string,
  { manifest: text, signature }: { manifest: string; signature: string },
  facts: ReleaseFacts,
  { arch, model }: PrepareDeps,
): Manifest | JobOutcome {
  let manifest: Manifest;
  try {
    manifest = parseManifest(text);
  } catch {
    return rejected('manifest_invalid');
  }
  const signed = isSigned(text, signature, facts.keys);
  const refusal = refusalOf({ state: facts.state, factory: facts.factory, arch, model }, { attempt, manifest, signed });
  return refusal === null ? manifest : rejected(refusal);
}

/**
 * Prepares an update: validates it, makes sure of the room, and fetches the parts that are not on the hub, after a random part of `spreadMs`.
 * @throws what the file system throws, and when `signal` aborts
 */
export async function prepareUpdate(
  deps: PrepareDeps,
  job: JobRef,
  operation: Extract<JobOperation, { operation: 'update_agent' }>,
  { signal, onProgress, spreadMs }: { signal: AbortSignal; onProgress(percent: number): void; spreadMs: number },
): Promise<Prepared> {
  const { parts, clock, entropy } = deps;
  const facts = await deps.releases.facts();
  const manifest = validated(attemptOf(job), operation, facts, deps);
  if (!('parts' in manifest)) return manifest;
  await parts.open();
  await parts.keepOnly(new Set(manifest.parts.map(({ sha256 }) => sha256)));
  const complete = await parts.complete();
  const missing = manifest.parts.filter(({ sha256 }) => !facts.installed.has(sha256) && !complete.has(sha256));
  const unnamed = missing.find(({ sha256 }) => !operation.parts.has(sha256));
  if (unnamed) return rejected('part_without_url');
  const bytesOf = (some: readonly ReleasePart[]) => some.reduce((sum, part) => sum + part.bytes, 0);
  const bytes = bytesOf(missing);
  const copied = bytesOf(manifest.parts.filter(({ sha256 }) => facts.copied.has(sha256)));
  const largest = Math.max(0, ...missing.map((part) => part.bytes));
  if ((await parts.freeBytes()) < 2 * bytes + largest + copied + SPARE_BYTES) return failed('disk_full');

  if (missing.length > 0) await sleep(clock, entropy.unit() * spreadMs, signal);
  signal.throwIfAborted();

  let done = 0;
  async function fetchOne(part: ReleasePart): Promise<Prepared> {
    let damaged = 0;
    let received = 0;
    const maxBytes = part.bytes + FRAME_BYTES;
    for (let fruitless = 0; ; ) {
      const fetched = await fetchPart({
        sha256: part.sha256,
        place: operation.parts.get(part.sha256)!,
        files: parts,
        maxBytes,
        bytesPerSecond: deps.bytesPerSecond,
        ca: deps.ca,
        clock,
        signal,
        onBytes: (count) => {
          received += count;
        },
      });
      if (fetched.type === 'stale') return 'stale';
      if (fetched.type === 'gone') return failed('part_not_found');
      if (fetched.type === 'complete') {
        if (await parts.finish(part, signal)) return 'ready';
        damaged += 1;
        if (damaged >= MAX_DAMAGED) return failed('part_damaged');
        continue;
      }
      fruitless = fetched.progress ? 0 : fruitless + 1;
      if (fruitless >= MAX_FRUITLESS || received > MAX_TIMES_FETCHED * maxBytes) return failed('download_failed');
      await sleep(clock, MIN_PAUSE_MS + entropy.unit() * Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** fruitless), signal);
      signal.throwIfAborted();
    }
  }

  for (const part of missing) {
    const prepared = await fetchOne(part);
    if (prepared !== 'ready') return prepared;
    done += part.bytes;
    onProgress(Math.floor((done / bytes) * 100));
  }
  return 'ready';
}
