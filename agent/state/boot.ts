import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import { BOOT_ID_FILE } from './layout.ts';

/** The start of an agent, as seen by the boot of its machine. */
export interface BootStart {
  /** The first since the machine booted. An id that is unknown counts as a first start. */
  isFirst: boolean;
  /** The new id is kept, or could not be: then the next start is a first one, too. Never rejects; nothing needs to wait for it. */
  noted: Promise<void>;
}

/** Told by the boot id that the last start left behind: one small write a boot. Never throws. */
export async function startOfBoot(files: Files, stateDirectory: string, bootId: string | null): Promise<BootStart> {
  if (bootId === null) return { isFirst: true, noted: Promise.resolve() };
  const path = join(stateDirectory, BOOT_ID_FILE);
  const last = await files.read(path, { follow: false, maxBytes: 64 }).catch(() => null);
  if (last?.toString('utf8') === bootId) return { isFirst: false, noted: Promise.resolve() };
  const noted = files
    .writeAtomic(path, bootId)
    .catch(async () => {
      // A folder in its place, for one.
      await files.remove(path);
      await files.writeAtomic(path, bootId);
    })
    .catch(() => {});
  return { isFirst: true, noted };
}
