import { messageOf } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';

/**
 * Removes what the power left half written in the process before: it holds what the whole file would have held. Before anything is written
 * there. Never throws.
 */
export async function removeTornWrites(files: Pick<Files, 'removeTorn'>, folders: readonly string[], log: Log): Promise<void> {
  await Promise.all(folders.map(removeIn));

  async function removeIn(folder: string): Promise<void> {
    try {
      const torn = await files.removeTorn(folder);
      if (torn.length > 0) log.warn({ event: 'torn_writes_removed', folder, names: torn }, 'half-written files were removed');
    } catch (error) {
      log.warn({ event: 'torn_writes_stay', folder, reason: messageOf(error) }, 'half-written files could not be removed');
    }
  }
}
