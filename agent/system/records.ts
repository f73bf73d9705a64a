import { basename, dirname, join } from 'node:path';
import { messageOf } from './errors.ts';
import type { Files } from './files.ts';
import type { Log } from './log.ts';
import { isUnusableFile } from './regular-file.ts';

/** Begins the name under which a damaged record is kept for support, one for each record. */
export const DAMAGED = 'damaged-';

/** `damaged`: it was logged and moved aside. `unreadable`: the disk failed; that was logged, and nothing was touched. */
export type Found<T> = { state: 'sound'; value: T } | { state: 'absent' | 'damaged' | 'unreadable' };

export interface RecordFile<T> {
  path: string;
  /** The record of its bytes. @throws Error with a reason that quotes nothing of them */
  parse(data: Buffer): T;
  /** Event of the log line for damage. */
  event: string;
  /** What the damage means, for the log. */
  means: string;
  /** Where a damaged one is kept; default: `damaged-` and its name, beside it. */
  keptAs?: string;
  /** Default: `MAX_FILE_BYTES`. */
  maxBytes?: number;
}

/** What may stand in a record's place: a link, a folder, a file of another owner. Storage that fails has other numbers. */
const IN_THE_WAY = ['ELOOP', 'EISDIR', 'ENOTDIR'];

const DENIED = ['EACCES', 'EPERM'];

/** Whether this user may not do it: what stands there may be sound. */
export const isDenied = (error: unknown) => DENIED.includes((error as NodeJS.ErrnoException).code ?? '');

/** Whether an error says that something else stands where a file or folder of ours should. */
export const isInTheWay = (error: unknown) =>
  isUnusableFile(error) || isDenied(error) || IN_THE_WAY.includes((error as NodeJS.ErrnoException).code ?? '');

/** Moves what stands at `path` out of the way. Gives where it is kept; null when it could not be moved. Never throws. */
export async function keepDamaged(files: Pick<Files, 'rename' | 'remove'>, path: string, keptAs = keptAsOf(path)): Promise<string | null> {
  try {
    await files.remove(keptAs);
    await files.rename(path, keptAs);
    return keptAs;
  } catch {
    return null;
  }
}

const keptAsOf = (path: string) => join(dirname(path), DAMAGED + basename(path));

/**
 * Reads a file that the agent wrote itself. Links are not followed, nothing is waited for, and what is no regular file, too large, not ours
 * to read or refused by `parse` is damage: logged once, and moved aside so that the next write finds the place free. Never throws.
 */
export async function readRecord<T>(
  { files, log }: { files: Pick<Files, 'read' | 'rename' | 'remove'>; log: Pick<Log, 'error'> },
  record: RecordFile<T>,
): Promise<Found<T>> {
  const { path, event, means, maxBytes } = record;
  let data: Buffer | null;
  try {
    data = await files.read(path, { follow: false, ...(maxBytes !== undefined && { maxBytes }) });
  } catch (error) {
    if (isInTheWay(error)) return damaged(messageOf(error));
    log.error({ event: 'record_unreadable', path, reason: messageOf(error) }, 'a record cannot be read');
    return { state: 'unreadable' };
  }
  if (data === null) return { state: 'absent' };
  try {
    return { state: 'sound', value: record.parse(data) };
  } catch (error) {
    return damaged(messageOf(error));
  }

  async function damaged(reason: string): Promise<Found<T>> {
    const keptAs = await keepDamaged(files, path, record.keptAs);
    log.error({ event, path, reason, keptAs }, means);
    return { state: 'damaged' };
  }
}
