import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** How a file is opened. */
export interface ReadOptions {
  /** More than so many bytes are refused: `ERR_FILE_TOO_LARGE`. Default: `MAX_FILE_BYTES`. */
  maxBytes?: number;
  /** False: a symbolic link in the file's place is refused with `ELOOP` (open(2), O_NOFOLLOW). Default: true. */
  follow?: boolean;
}

/** Above every file that the agent writes: the largest is an answer that waits for its delivery. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Codes of what stands in the place of a file and cannot be read as one. */
export type UnusableFileCode = 'EISDIR' | 'ERR_NOT_A_FILE' | 'ERR_FILE_TOO_LARGE';

/** A path that names something else than a regular file of a sensible size. */
export class UnusableFile extends Error {
  readonly code: UnusableFileCode;
  readonly path: string;
  constructor(code: UnusableFileCode, path: string, message: string) {
    super(message);
    this.name = 'UnusableFile';
    this.code = code;
    this.path = path;
  }
}

/** Whether the error is about what the path names, and not about the disk. */
export const isUnusableFile = (error: unknown): error is UnusableFile => error instanceof UnusableFile;

async function openForReading(path: string, follow: boolean): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK the open of a FIFO waits for a writer (fifo(7)).
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    // ENXIO, ENODEV: a socket, or a device without a driver (open(2)).
    if (!['ENXIO', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new UnusableFile('ERR_NOT_A_FILE', path, `${path} is not a regular file`);
  }
}

/** At most `maxBytes`; a file that grows, or whose size the kernel does not tell (0, proc(5)), is bounded too. */
async function readBounded(handle: FileHandle, path: string, maxBytes: number, toldBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes - size + 1));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return Buffer.concat(parts, size);
    size += bytesRead;
    if (size > maxBytes) throw tooLarge(path, maxBytes);
    parts.push(chunk.subarray(0, bytesRead));
    // All that was told, and less than was asked for: the end. One more look would be a round through the thread pool.
    if (toldBytes > 0 && size >= toldBytes && bytesRead < chunk.length) return Buffer.concat(parts, size);
  }
}

async function* pieceOf(handle: FileHandle, offset: number, bytes: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - done));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset + done);
    if (bytesRead === 0) throw new Error('it ends too soon');
    done += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

const tooLarge = (path: string, maxBytes: number) =>
  new UnusableFile('ERR_FILE_TOO_LARGE', path, `${path} is larger than ${maxBytes} bytes`);

/** An open regular file. */
export interface OpenedFile {
  /** The bits of its rights. */
  mode: number;
  /** Epoch milliseconds. */
  modifiedAtMs: number;
  /** Its size when it was opened. */
  bytes: number;
  /** Its bytes. @throws UnusableFile when it is too large */
  read(): Promise<Buffer>;
  /** So many of its bytes from an offset on, in chunks of 64 KiB at most. @throws Error when the file ends before; errors of the file system */
  piece(offset: number, bytes: number): AsyncGenerator<Buffer>;
}

/**
 * Opens a regular file and hands it to `use`. The open file is checked, not the path: it cannot be exchanged in between.
 * @throws UnusableFile for a directory, FIFO, socket, device or a file that is too large; else errors of the file system
 */
export async function withRegularFile<T>(
  path: string,
  { maxBytes = MAX_FILE_BYTES, follow = true }: ReadOptions,
  use: (file: OpenedFile) => Promise<T>,
): Promise<T> {
  const handle = await openForReading(path, follow);
  try {
    const found = await handle.stat();
    if (found.isDirectory()) throw new UnusableFile('EISDIR', path, `${path} is a directory`);
    if (!found.isFile()) throw new UnusableFile('ERR_NOT_A_FILE', path, `${path} is not a regular file`);
    if (found.size > maxBytes) throw tooLarge(path, maxBytes);
    return await use({
      mode: found.mode & 0o777,
      modifiedAtMs: found.mtimeMs,
      bytes: found.size,
      read: () => readBounded(handle, path, maxBytes, found.size),
      piece: (offset, bytes) => pieceOf(handle, offset, bytes),
    });
  } finally {
    await handle.close();
  }
}

/** The bytes of a regular file. Never waits for a FIFO's writer, never reads without end. @throws as `withRegularFile` */
export const readRegularFile = (path: string, options: ReadOptions = {}): Promise<Buffer> =>
  withRegularFile(path, options, (file) => file.read());
