/** A file in an archive. */
export interface TarEntry {
  /** At most 100 bytes, relative. */
  name: string;
  data: Buffer;
}

const BLOCK = 512;
const MAX_NAME = 100;
const CHECKSUM = { at: 148, length: 8 };

function header({ name, data }: TarEntry, modifiedMs: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  if (Buffer.byteLength(name) > MAX_NAME) throw new RangeError(`tar: the name ${name} is longer than ${MAX_NAME} bytes`);
  block.write(name, 0, 'utf8');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(data.length, 124, 12);
  octal(Math.floor(modifiedMs / 1000), 136, 12);
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  // The sum counts its own field as blanks.
  block.fill(' ', CHECKSUM.at, CHECKSUM.at + CHECKSUM.length);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM.at, 'latin1');
  return block;
}

/** An archive of plain files (POSIX.1-1988, ustar). */
export function tar(entries: readonly TarEntry[], modifiedMs: number): Buffer {
  const parts = entries.flatMap((entry) => [
    header(entry, modifiedMs),
    entry.data,
    Buffer.alloc((BLOCK - (entry.data.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
