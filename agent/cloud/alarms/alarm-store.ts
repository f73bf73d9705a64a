import { join } from 'node:path';
import * as z from 'zod';
import { ALARM_KINDS, type Alarm } from '../../contract/alarm.ts';
import { ALARMS_FILE } from '../../state/layout.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { INTERPRETED } from '../../system/parse-options.ts';
import { parseSealed } from '../../system/seal.ts';
import { MAX_ALARMS } from './alarm-machine.ts';
import { createKeptFile, type KeptFile } from './kept-file.ts';

/** Alarms as they are kept across restarts. */
export interface KeptAlarms {
  alarms: readonly Alarm[];
}

const time = z.number().int().nonnegative();
const schema = z.object({
  version: z.literal(1),
  alarms: z
    .array(z.object({ kind: z.enum(ALARM_KINDS), node: z.string().max(256).nullable(), since: time, until: time.optional() }))
    .max(MAX_ALARMS),
});

function parse(data: Buffer): KeptAlarms {
  const parsed = schema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('no alarms of this format');
  return { alarms: parsed.data.alarms as Alarm[] };
}

/** Alarms on disk: `alarms.json`. */
export function createAlarmStore(deps: { files: Files; stateDirectory: string; clock: MonotonicClock; log: Log }): KeptFile<KeptAlarms> {
  return createKeptFile(deps, {
    path: join(deps.stateDirectory, ALARMS_FILE),
    parse,
    urgency: () => 'later',
    name: 'alarms',
    means: 'the stored alarms are damaged: they begin anew',
  });
}
