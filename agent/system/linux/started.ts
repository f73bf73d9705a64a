import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Files } from '../files.ts';
import type { Log } from '../log.ts';

/**
 * Tells `systemd/start-pace` that this start came to something: the next one, also after a crash, is not made to wait.
 * @param directory the unit's RuntimeDirectory; without one nobody asks. Never throws.
 */
export async function tellStarted(files: Pick<Files, 'writeAtomic'>, directory: string | undefined, log: Log): Promise<void> {
  if (!directory) return;
  try {
    await files.writeAtomic(join(directory, 'started'), '1\n');
  } catch (error) {
    log.warn({ event: 'start_not_told', reason: messageOf(error) }, 'the pace of starts does not know of this one');
  }
}
