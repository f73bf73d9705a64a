import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How a run came on, as `systemd/start-pace` reads it at the next start: its local services were up, it ended as it was asked, or by a bug. */
export type RunState = 'started' | 'stopped' | 'bug';

/**
 * Notes for `systemd/start-pace` how this run came on: it decides whether the next start has to wait. Synchronous, for the process may end right
 * after it; the file lies in memory (tmpfs).
 * @param directory the unit's RuntimeDirectory; without one nothing is noted. Never throws.
 */
export function noteRun(directory: string | undefined, state: RunState, log: Log): void {
  if (!directory) return;
  try {
    writeFileSync(join(directory, 'started'), `${state}\n`);
  } catch (error) {
    log.warn({ event: 'start_not_told', reason: messageOf(error) }, 'this run could not be recorded for the pace of starts');
  }
}
