import { execFile, spawnSync } from 'node:child_process';
import { mkdir, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The state folder's disk, which can be filled. */
export interface SmallDisk {
  /** `tmpfs`: a file system of its own that is really full; `rlimit`: without the right to mount, the process may not write files (EFBIG). */
  readonly how: 'tmpfs' | 'rlimit';
  /** From now on writes fail, but for `freePages` of 4 KB. With `rlimit` only those of the process with this id, past the first bytes. */
  fill(pid: number | null, freePages: number): Promise<void>;
  free(pid: number | null): Promise<void>;
  close(): Promise<void>;
}

/** Room for the journal, the node table and little else. */
const DISK_BYTES = 2 * 1024 * 1024;
const PAGE_BYTES = 4096;
const FILLER = 'filler';

/** Makes the folder a small disk of its own; as a user without that right, falls back to a limit on the process's files. */
export async function createSmallDisk(folder: string): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=700`, 'tmpfs', folder]);
  } catch {
    return limitedProcess();
  }
  const filler = join(folder, FILLER);
  // A bench that is ended early leaves no mount behind.
  const unmount = () => void spawnSync('umount', ['-l', folder]);
  process.once('exit', unmount);
  return {
    how: 'tmpfs',
    async fill(_pid, freePages) {
      const handle = await open(filler, 'w');
      let bytes = 0;
      try {
        for (const page = Buffer.alloc(PAGE_BYTES); ; bytes += page.length) await handle.write(page);
      } catch {
        // ENOSPC: full.
      } finally {
        await handle.close();
      }
      await truncate(filler, Math.max(0, bytes - freePages * PAGE_BYTES));
    },
    free: () => rm(filler, { force: true }),
    async close() {
      process.removeListener('exit', unmount);
      unmount();
    },
  };
}

function limitedProcess(): SmallDisk {
  const limit = async (pid: number | null, soft: string) => {
    // The process may be gone in the meantime.
    if (pid !== null) await run('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`]).catch(() => {});
  };
  return {
    how: 'rlimit',
    fill: (pid) => limit(pid, '100'),
    free: (pid) => limit(pid, 'unlimited'),
    close: async () => {},
  };
}
