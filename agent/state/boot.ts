import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import { BOOT_ID_FILE } from './layout.ts';

/**
 * Whether this is the first start of the agent since the machine booted. Told by the boot id that the last start left behind: one small
 * write a boot. An id that is unknown or cannot be kept counts as a first start.
 */
export async function isFirstStartSinceBoot(files: Files, stateDirectory: string, bootId: string | null): Promise<boolean> {
  if (bootId === null) return true;
  const path = join(stateDirectory, BOOT_ID_FILE);
  try {
    if ((await files.read(path, { follow: false, maxBytes: 64 }).catch(() => null))?.toString('utf8') === bootId) return false;
    await files.writeAtomic(path, bootId).catch(async () => {
      // A folder in its place, for one.
      await files.remove(path);
      await files.writeAtomic(path, bootId);
    });
  } catch {
    return true;
  }
  return true;
}
