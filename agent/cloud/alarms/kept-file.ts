import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import { messageOf } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { readRecord } from '../../system/records.ts';
import { sealed } from '../../system/seal.ts';

/** A small record on disk whose writes are spaced to spare the flash. A hub on which nothing happens writes nothing. */
export interface KeptFile<T extends object> {
  /** Null when there is none. A damaged file is logged and counts as none. Never throws. */
  load(): Promise<T | null>;
  /** Writes what was given last, at the time of its urgency. A write that fails is tried again. Never throws. @param urgency default: as the options decide */
  save(value: T, urgency?: Urgency): void;
  /** Writes what waits. */
  stop(): Promise<void>;
}

/**
 * `now`: the disk must not lack it. `soon`: at once, but not twice in WRITE_INTERVAL_MS; then, and for `later`: WRITE_INTERVAL_MS after
 * the last write.
 */
export type Urgency = 'now' | 'soon' | 'later';

export interface KeptFileOptions<T> {
  path: string;
  /** @throws Error with a reason that quotes nothing of the bytes */
  parse(data: Buffer): T;
  /** `disk` is what was written last, or is being written; null: nothing. */
  urgency(disk: T | null, value: T): Urgency;
  /** Begins the names of the events in the log: `<name>_damaged`, `<name>_unstored`. */
  name: string;
  /** What damage means, for the log. */
  means: string;
}

/** A source that flaps costs the flash one write in this time. */
export const WRITE_INTERVAL_MS = 600_000;
/** After a write that failed. */
const RETRY_MS = 60_000;

/** Builds the keeper of one file. */
export function createKeptFile<T extends object>(
  { files, clock, log }: { files: Files; clock: MonotonicClock; log: Log },
  { path, parse, urgency, name, means }: KeptFileOptions<T>,
): KeptFile<T> {
  let disk: T | null = null;
  let waiting: T | null = null;
  let timer: { cancel: Cancel; atMs: number } | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  let lastSoonMs = Number.NEGATIVE_INFINITY;
  let failing = false;
  let stopped = false;
  let writing: Promise<void> = Promise.resolve();

  function schedule(atMs: number): void {
    if (stopped || (timer && timer.atMs <= atMs)) return;
    timer?.cancel();
    timer = { cancel: clock.schedule(Math.max(0, atMs - clock.nowMs()), write), atMs };
  }

  function write(): void {
    timer = null;
    if (!waiting) return;
    const value = waiting;
    waiting = null;
    lastMs = clock.nowMs();
    if (urgency(disk, value) === 'soon') lastSoonMs = lastMs;
    disk = value;
    writing = writing
      .then(() => files.writeAtomic(path, JSON.stringify(sealed({ version: 1, ...value }))))
      .then(
        () => {
          failing = false;
        },
        (error: unknown) => failed(value, error),
      );
  }

  function failed(value: T, error: unknown): void {
    if (!failing) log.error({ event: `${name}_unstored`, path, reason: messageOf(error) }, `${path} cannot be written`);
    failing = true;
    // What was given to the next write meanwhile is newer.
    if (disk !== value) return;
    waiting ??= value;
    schedule(clock.nowMs() + RETRY_MS);
  }

  const dueMs: Record<Urgency, () => number> = {
    now: () => clock.nowMs(),
    soon: () => (clock.nowMs() - lastSoonMs >= WRITE_INTERVAL_MS ? clock.nowMs() : lastMs + WRITE_INTERVAL_MS),
    later: () => lastMs + WRITE_INTERVAL_MS,
  };

  return {
    async load() {
      const found = await readRecord({ files, log }, { path, parse, event: `${name}_damaged`, means });
      if (found.state !== 'sound') return null;
      disk = found.value;
      return found.value;
    },

    save(value, given = urgency(disk, value)) {
      waiting = value;
      schedule(dueMs[given]());
    },

    async stop() {
      stopped = true;
      timer?.cancel();
      write();
      await writing;
    },
  };
}
