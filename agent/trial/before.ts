import { join } from 'node:path';
import { UPDATE_FOLDER } from '../release/places.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { readRecord } from '../system/records.ts';
import { parseSealed, sealed } from '../system/seal.ts';
import type { Before } from './health.ts';

/** In the update folder: what was up when the agent stopped for a trial. */
const BEFORE_FILE = 'before.json';
const MAX_BUSES = 64;

const pathOf = (stateDirectory: string) => join(stateDirectory, UPDATE_FOLDER, BEFORE_FILE);

function parseBefore(data: Buffer): Before & { sequence: number } {
  const { sequence, buses, cloud } = parseSealed(data);
  if (!Number.isSafeInteger(sequence) || typeof cloud !== 'boolean' || !Array.isArray(buses) || buses.length > MAX_BUSES)
    throw new Error('not what was up before a trial');
  if (!buses.every((id) => typeof id === 'string')) throw new Error('a bus has no id');
  return { sequence: sequence as number, buses, cloud };
}

/** Keeps what is up for the release of that sequence, which runs next. @throws errors of the file system */
export const writeBefore = (
  files: Pick<Files, 'writeAtomic'>,
  stateDirectory: string,
  before: Before & { sequence: number },
): Promise<void> => files.writeAtomic(pathOf(stateDirectory), JSON.stringify(sealed(before)));

/** What was up; where that is not known, as after a power cut, the cloud alone is asked for. Never throws. */
export async function readBefore(
  deps: { files: Pick<Files, 'read' | 'rename' | 'remove'>; log: Pick<Log, 'error'> },
  stateDirectory: string,
  sequence: number,
): Promise<Before> {
  const found = await readRecord(deps, {
    path: pathOf(stateDirectory),
    parse: parseBefore,
    event: 'trial_before_damaged',
    means: 'what was up before the trial is not known',
  });
  return found.state === 'sound' && found.value.sequence === sequence ? found.value : { buses: [], cloud: true };
}
