import { readSync, writeSync } from 'node:fs';

/** read(2) and write(2) on a descriptor with O_NONBLOCK. Both throw with the errno as `code`; `EAGAIN` is "nothing now". */
export interface DescriptorCalls {
  /** How many bytes were read into the beginning of the buffer; 0 at the end of the file. */
  read(fd: number, into: Buffer): number;
  /** How many bytes were taken. */
  write(fd: number, bytes: Uint8Array): number;
}

export function createDescriptorCalls(): DescriptorCalls {
  return {
    read: (fd, into) => readSync(fd, into, 0, into.length, null),
    write: (fd, bytes) => writeSync(fd, bytes),
  };
}
