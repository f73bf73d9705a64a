import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { readRegularFile } from '../regular-file.ts';

/** Whether another program keeps a device for itself, by what the kernel says: the words of an error are no fact. */
export interface DeviceUse {
  /**
   * The process that holds a lock (flock(2)) on the device, with its links followed; null: none that the kernel shows. @param except a process that
   * does not count. Never throws.
   */
  lockHolder(path: string, except?: number): Promise<number | null>;
  /**
   * Why the device cannot be had, as an error code: that of open(2), which is `EBUSY` for one that was opened exclusively (tty_ioctl(4), TIOCEXCL), or
   * `EBUSY` for one that is locked. Null: it can. The device is opened for a moment and without waiting. Never throws.
   */
  denial(path: string, except?: number): Promise<string | null>;
}

/** One lock that is held: `ID: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END` (proc(5)). One that is waited for has an arrow before FLOCK. */
const HELD = /^\d+: FLOCK\s+\S+\s+\S+\s+(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /gm;

/** The kernel's numbers in a device number as stat(2) gives it (makedev(3), glibc). */
const majorOf = (device: bigint) => (device >> 8n) & 0xfffn;
const minorOf = (device: bigint) => (device & 0xffn) | ((device >> 12n) & 0xfff00n);

/** Who holds a lock on this file, in the text of /proc/locks; null: nobody. */
export function holderIn(locks: string, { dev, ino }: { dev: bigint; ino: bigint }, except?: number): number | null {
  for (const [, pid, major, minor, inode] of locks.matchAll(HELD)) {
    const isIt = BigInt(`0x${major}`) === majorOf(dev) && BigInt(`0x${minor}`) === minorOf(dev) && BigInt(inode!) === ino;
    if (isIt && Number(pid) !== except) return Number(pid);
  }
  return null;
}

/** @param locks where the kernel lists the locks; a test has its own */
export function createDeviceUse(locks = '/proc/locks'): DeviceUse {
  const lockHolder: DeviceUse['lockHolder'] = async (path, except) => {
    try {
      const [found, text] = await Promise.all([stat(path, { bigint: true }), readRegularFile(locks)]);
      return holderIn(text.toString('utf8'), found, except);
    } catch {
      return null;
    }
  };

  return {
    lockHolder,
    async denial(path, except) {
      try {
        const handle = await open(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY);
        await handle.close();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
      }
      return (await lockHolder(path, except)) === null ? null : 'EBUSY';
    },
  };
}
