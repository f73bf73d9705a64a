import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { HubError } from '../system/errors.ts';
import type { JobOutcome } from './job.ts';
import type { Prepared } from './prepare-update.ts';

/** Makes support's bundle (hubctl's own, with nothing in it that must not leave the hub). @throws HubError */
export type MakeBundle = (signal: AbortSignal) => Promise<Buffer>;

const IDLE_MS = 60_000;

function put(url: string, body: Buffer, ca: () => readonly string[], signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // S3 does not take a body of unknown length.
    const headers = { 'content-length': body.length, 'content-type': 'application/octet-stream' };
    const sent = request(url, { method: 'PUT', ca: [...ca()], agent: false, headers, signal, timeout: IDLE_MS });
    sent.on('timeout', () => sent.destroy(new Error('the store is silent')));
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.end(body);
  });
}

const failed = (reason: string): JobOutcome => ({ status: 'FAILED', reason });

/** Makes the bundle and puts it to the presigned URL. May be done again: the object is the same. @throws when `signal` aborts */
export async function uploadBundle(
  url: string,
  { makeBundle, ca, signal }: { makeBundle: MakeBundle; ca: () => readonly string[]; signal: AbortSignal },
): Promise<Prepared> {
  let body: Buffer;
  try {
    body = await makeBundle(signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof HubError)) throw error;
    return failed('bundle_failed');
  }
  let status: number;
  try {
    const response = await put(url, body, ca, signal);
    response.resume();
    status = response.statusCode ?? 0;
  } catch (error) {
    if (signal.aborted) throw error;
    return failed('upload_failed');
  }
  if (status === 403 || status === 401) return 'stale';
  return status === 200 || status === 204 ? { status: 'SUCCEEDED', reason: 'uploaded' } : failed('upload_refused');
}
