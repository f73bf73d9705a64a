import { dirname, join } from 'node:path';
import { foreignOwner } from '../../system/become-owner.ts';
import type { Files } from '../../system/files.ts';
import type { Paths } from '../../system/paths.ts';

/** What became of the key files of the buses. */
export interface KeysForgotten {
  removed: string[];
  /** Still there: elsewhere on the machine, or not ours to remove. */
  left: string[];
}

/**
 * Removes the OSDP keys beside the configuration (`keys/`), which belong to the owner of the locks. They are root's, so that the agent cannot.
 * A folder that another user may change is left alone. Never throws.
 * @param named the key files that the buses name, wherever they are
 */
export async function forgetKeys(
  configPath: string,
  named: readonly string[],
  { files, paths: machine }: { files: Pick<Files, 'remove'>; paths: Pick<Paths, 'names'> },
): Promise<KeysForgotten> {
  const folder = join(dirname(configPath), 'keys');
  const isClosed = process.geteuid?.() !== 0 || (await foreignOwner(folder)) === null;
  const paths = (await machine.names(folder).catch(() => [] as string[])).map((name) => join(folder, name));
  const removed: string[] = [];
  const left = named.filter((path) => !path.startsWith(`${folder}/`) && !path.startsWith('/run/credentials/'));
  for (const path of paths) {
    const isGone =
      isClosed &&
      (await files.remove(path).then(
        () => true,
        () => false,
      ));
    (isGone ? removed : left).push(path);
  }
  return { removed, left };
}
