import { join } from 'node:path';
import * as z from 'zod';
import { ALARM_KINDS, type Alarm } from '../../contract/alarm.ts';
import { ALARMS_FILE } from '../../state/layout.ts';
import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import { messageOf } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { INTERPRETED } from '../../system/parse-options.ts';
import { readRecord } from '../../system/records.ts';
import { parseSealed, sealed } from '../../system/seal.ts';
import { MAX_ALARMS } from './alarm-machine.ts';
import type { TakeoverWindow } from './takeover.ts';

/** What is kept across restarts. */
export interface Kept {
  alarms: readonly Alarm[];
  takeover: TakeoverWindow | null;
  /** The end of the certificate that was in use: a takeover says nothing of another one. ISO 8601. */
  certificate: string;
}

/** Alarms on disk: `alarms.json`. A hub on which nothing happens writes nothing. */
export interface AlarmStore {
  /** Null when there is none. A damaged file is told and counts as none. Never throws. */
  load(): Promise<Kept | null>;
  /**
   * Writes what was given last, once in WRITE_INTERVAL_MS. What the disk must not lack does not wait: a takeover that the disk does not know, because
   * after a power cut the other client's commands would be obeyed. The end of a takeover is written at once, but not twice in that time: without it
   * the window on disk is only too long. A write that fails is tried again. Never throws.
   */
  save(kept: Kept): void;
  /** Writes what waits. */
  stop(): Promise<void>;
}

/** A source that flaps costs the flash one write in this time; takeovers without end cost two. */
export const WRITE_INTERVAL_MS = 600_000;
/** After a write that failed. */
const RETRY_MS = 60_000;

const time = z.number().int().nonnegative();
const schema = z.object({
  version: z.literal(1),
  alarms: z
    .array(z.object({ kind: z.enum(ALARM_KINDS), node: z.string().max(256).nullable(), since: time, until: time.optional() }))
    .max(MAX_ALARMS),
  takeover: z.object({ from: time, until: time.nullable(), at: time }).nullable(),
  certificate: z.string().max(64),
});

function parse(data: Buffer): Kept {
  const parsed = schema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('no alarms of this format');
  return parsed.data as Kept;
}

const isOpen = (kept: Kept | null) => kept !== null && kept.takeover !== null && kept.takeover.until === null;

/** Whether the disk's window already holds every moment of this one that is open. */
function holds(disk: Kept | null, { takeover, certificate }: Kept): boolean {
  return isOpen(disk) && disk?.certificate === certificate && (disk.takeover?.from ?? 0) <= (takeover?.from ?? 0);
}

export function createAlarmStore(deps: { files: Files; stateDirectory: string; clock: MonotonicClock; log: Log }): AlarmStore {
  const { files, clock, log } = deps;
  const path = join(deps.stateDirectory, ALARMS_FILE);
  /** What was written last, or is being written. */
  let disk: Kept | null = null;
  let waiting: Kept | null = null;
  let timer: { cancel: Cancel; atMs: number } | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  /** The last write that ended a window on disk. */
  let lastEndMs = Number.NEGATIVE_INFINITY;
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
    const kept = waiting;
    waiting = null;
    lastMs = clock.nowMs();
    if (isOpen(disk) && !isOpen(kept)) lastEndMs = lastMs;
    disk = kept;
    writing = writing
      .then(() => files.writeAtomic(path, JSON.stringify(sealed({ version: 1, ...kept }))))
      .then(
        () => {
          failing = false;
        },
        (error: unknown) => failed(kept, error),
      );
  }

  function failed(kept: Kept, error: unknown): void {
    if (!failing) log.error({ event: 'alarms_unstored', path, reason: messageOf(error) }, 'the alarms cannot be stored');
    failing = true;
    // What was given to the next write meanwhile is newer.
    if (disk !== kept) return;
    waiting ??= kept;
    schedule(clock.nowMs() + RETRY_MS);
  }

  function isUrgent(kept: Kept): boolean {
    if (isOpen(kept)) return !holds(disk, kept);
    return isOpen(disk) && clock.nowMs() - lastEndMs >= WRITE_INTERVAL_MS;
  }

  return {
    async load() {
      const means = 'the stored alarms are damaged: they begin anew';
      const found = await readRecord({ files, log }, { path, parse, event: 'alarms_damaged', means });
      if (found.state !== 'sound') return null;
      disk = found.value;
      return found.value;
    },

    save(kept) {
      waiting = kept;
      schedule(isUrgent(kept) ? clock.nowMs() : lastMs + WRITE_INTERVAL_MS);
    },

    async stop() {
      stopped = true;
      timer?.cancel();
      write();
      await writing;
    },
  };
}
