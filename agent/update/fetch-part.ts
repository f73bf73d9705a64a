import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { PartFiles } from '../release/part-file.ts';
import { type MonotonicClock, sleep } from '../system/clock.ts';
import type { PartPlace } from './job-document.ts';

/**
 * What became of one attempt. `stale`: the URL opens nothing (any more), a fresh one may. `again`: a fault that passes; `progress` says whether bytes
 * came. `gone`: the object is not there.
 */
export type Fetched = { type: 'complete' } | { type: 'stale' } | { type: 'again'; progress: boolean } | { type: 'gone' };

export interface FetchOptions {
  sha256: string;
  place: PartPlace;
  files: PartFiles;
  /** More than the compressed part can have. */
  maxBytes: number;
  /** 0: as fast as it goes. */
  bytesPerSecond: number;
  /** Certificate authorities of the store, PEM. */
  ca: () => readonly string[];
  clock: MonotonicClock;
  signal: AbortSignal;
  onBytes(count: number): void;
}

/** A store that sends nothing for so long has gone. */
const IDLE_MS = 60_000;
/** The share of a second after which a rate-limited download rests. */
const RATE_SLICE = 0.25;

/** One GET. The connection ends with the response's body. */
function get({ place: { url }, ca, signal }: FetchOptions, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // No pool: a hub fetches once a month. Redirects are not followed, a presigned URL has none.
    const sent = request(url, { ca: [...ca()], agent: false, headers, signal, timeout: IDLE_MS });
    sent.on('timeout', () => sent.destroy(new Error('the store is silent')));
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.end();
  });
}

/** The body at a bounded pace, without its first `skip` bytes. It ends after the `left` bytes of a piece; an object may not be larger. */
async function* paced(
  body: AsyncIterable<Buffer>,
  { skip, left, isPiece }: { skip: number; left: number; isPiece: boolean },
  { bytesPerSecond, clock, signal, onBytes }: FetchOptions,
) {
  let burst = 0;
  let skipped = 0;
  let total = 0;
  for await (const received of body) {
    let chunk = received.subarray(Math.min(received.length, skip - skipped));
    skipped += received.length - chunk.length;
    if (isPiece) chunk = chunk.subarray(0, left - total);
    total += chunk.length;
    if (total > left) throw new RangeError('the object is larger than the part');
    onBytes(received.length);
    yield chunk;
    if (isPiece && total === left) return;
    burst += received.length;
    if (bytesPerSecond === 0 || burst < bytesPerSecond * RATE_SLICE) continue;
    await sleep(clock, (burst / bytesPerSecond) * 1000, signal);
    burst = 0;
  }
}

/** Asks for the piece without its first `had` bytes; for an object of its own, for what follows them. */
function rangeOf({ piece }: PartPlace, had: number): Record<string, string> {
  if (piece) return { range: `bytes=${piece.offset + had}-${piece.offset + piece.bytes - 1}` };
  return had > 0 ? { range: `bytes=${had}-` } : {};
}

/** Where a 206 goes on, from `Content-Range: bytes 900-999/1000`; null: it does not say. */
function startOf(response: IncomingMessage): number | null {
  const match = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  return match ? Number(match[1]) : null;
}

async function attempt(options: FetchOptions, progress: { made: boolean }): Promise<Fetched> {
  const { sha256, files, signal, place, maxBytes } = options;
  const { piece } = place;
  const wantedBytes = Math.min(piece?.bytes ?? maxBytes, maxBytes);
  const had = await files.partial(sha256);
  const hadBytes = had?.bytes ?? 0;
  if (piece && hadBytes >= wantedBytes) return { type: 'complete' };
  const headers = { ...rangeOf(place, hadBytes), ...(had && { 'if-match': had.etag }) };
  const response = await get(options, headers);
  const { statusCode: status = 0 } = response;
  const etag = response.headers.etag ?? '';
  const isWanted = status === 206 && (had !== null || piece !== null) && startOf(response) === (piece?.offset ?? 0) + hadBytes;
  if (status !== 200 && !isWanted) {
    response.destroy();
    if (status === 403 || status === 401) return { type: 'stale' };
    if (status === 404 || status === 410) return { type: 'gone' };
    // All of it is here already.
    if (status === 416 && had !== null) return { type: 'complete' };
    // The object is another one now, or another piece came than was asked for.
    if (status === 412 || status === 206) await files.begin(sha256, '');
    return { type: 'again', progress: false };
  }
  const resumes = isWanted && had !== null;
  if (!resumes) await files.begin(sha256, etag);
  const left = wantedBytes - (resumes ? hadBytes : 0);
  // What ignores the range sends all of the object.
  const skip = isWanted ? 0 : (piece?.offset ?? 0);
  let taken = 0;
  const body = paced(response, { skip, left, isPiece: piece !== null }, options);
  const counted = (async function* () {
    for await (const chunk of body) {
      progress.made = true;
      taken += chunk.length;
      yield chunk;
    }
  })();
  await files.append(sha256, Readable.from(counted, { objectMode: false }), signal);
  const isAll = piece ? taken === left : response.complete;
  return isAll ? { type: 'complete' } : { type: 'again', progress: true };
}

const isOfTheDisk = (error: unknown) =>
  ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EACCES'].includes(String((error as NodeJS.ErrnoException).code));

/** Fetches a part, or goes on where an earlier attempt ended. @throws what the file system throws, and when `signal` aborts */
export async function fetchPart(options: FetchOptions): Promise<Fetched> {
  const progress = { made: false };
  try {
    return await attempt(options, progress);
  } catch (error) {
    if (options.signal.aborted || isOfTheDisk(error)) throw error;
    if (error instanceof RangeError) await options.files.begin(options.sha256, '');
    return { type: 'again', progress: progress.made };
  }
}
