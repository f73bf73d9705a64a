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
  /** Writes now, or when the pause after the last write is over; then what was given last. Never throws. */
  save(kept: Kept): void;
  /** Writes what waits. */
  stop(): Promise<void>;
}

/** A source that flaps costs the flash one write in this time. */
export const WRITE_INTERVAL_MS = 600_000;

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

export function createAlarmStore(deps: { files: Files; stateDirectory: string; clock: MonotonicClock; log: Log }): AlarmStore {
  const { files, clock, log } = deps;
  const path = join(deps.stateDirectory, ALARMS_FILE);
  let waiting: Kept | null = null;
  let cancel: Cancel | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  function write(): void {
    cancel = null;
    if (!waiting) return;
    const text = JSON.stringify(sealed({ version: 1, ...waiting }));
    waiting = null;
    lastMs = clock.nowMs();
    writing = writing
      .then(() => files.writeAtomic(path, text))
      .catch((error: unknown) => log.error({ event: 'alarms_unstored', path, reason: messageOf(error) }, 'the alarms cannot be stored'));
  }

  return {
    async load() {
      const means = 'the stored alarms are damaged: they begin anew';
      const found = await readRecord({ files, log }, { path, parse, event: 'alarms_damaged', means });
      return found.state === 'sound' ? found.value : null;
    },

    save(kept) {
      waiting = kept;
      cancel ??= clock.schedule(Math.max(0, lastMs + WRITE_INTERVAL_MS - clock.nowMs()), write);
    },

    async stop() {
      cancel?.();
      write();
      await writing;
    },
  };
}
