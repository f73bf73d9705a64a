import { join } from 'node:path';
import { ALARM_KINDS, type Alarm } from '../../contract/alarm.ts';
import { ALARMS_FILE } from '../../state/layout.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { check, parsed, type Schema } from '../../system/schema.ts';
import { parseSealed } from '../../system/seal.ts';
import { MAX_ALARMS } from './alarm-machine.ts';
import { createKeptFile, type KeptFile } from './kept-file.ts';

/** Alarms as they are kept across restarts. */
export interface KeptAlarms {
  alarms: readonly Alarm[];
}

const TIME: Schema = { type: 'integer', minimum: 0 };
const ALARM: Schema = {
  type: 'object',
  properties: { kind: { enum: ALARM_KINDS }, node: { type: ['string', 'null'], maxLength: 256 }, since: TIME, until: TIME },
  required: ['kind', 'node', 'since'],
};
const SCHEMA: Schema = {
  type: 'object',
  properties: { version: { const: 1 }, alarms: { type: 'array', maxItems: MAX_ALARMS } },
  required: ['version', 'alarms'],
};

function parse(data: Buffer): KeptAlarms {
  const { alarms } = parsed<{ alarms: unknown[] }>(SCHEMA, parseSealed(data), 'no alarms of this format');
  // A release that was rolled back may have known more kinds: what it wrote must not cost the others.
  const known = alarms.map((alarm) => check(ALARM, alarm)).filter((checked) => checked.ok);
  return { alarms: known.map(({ value }) => value as Alarm) };
}

const isSame = (one: Alarm, other: Alarm) => one.kind === other.kind && one.node === other.node;

/** Alarms on disk: `alarms.json`. */
export function createAlarmStore(deps: { files: Files; stateDirectory: string; clock: MonotonicClock; log: Log }): KeptFile<KeptAlarms> {
  return createKeptFile(deps, {
    path: join(deps.stateDirectory, ALARMS_FILE),
    parse,
    // A new alarm is in the shadow at once, and must outlast a kill as well; one that flaps is on the disk already.
    urgency: (disk, { alarms }) => (alarms.every((alarm) => disk?.alarms.some((known) => isSame(known, alarm))) ? 'later' : 'now'),
    name: 'alarms',
    means: 'the stored alarms are damaged: they begin anew',
  });
}
