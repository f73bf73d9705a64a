import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createMonotonicClock, sleep } from '../../../agent/system/clock.ts';
import { createStoreFaults } from './faults.ts';
import { rangeOf } from './range.ts';
import { createSigner } from './signature.ts';
import type { ObjectStore, ObjectStoreOptions, StoreRequest } from './types.ts';

const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;
/** How often a slow body moves on. */
const SLICES_PER_SECOND = 20;

const etagOf = (data: Buffer) => `"${createHash('md5').update(data).digest('hex')}"`;

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const host = options.host ?? '127.0.0.1';
  const publicHost = options.publicHost ?? host;
  const clock = createMonotonicClock();
  const objects = new Map<string, Buffer>();
  const requests: StoreRequest[] = [];
  const signer = createSigner(options.nowMs);
  const { state, faults } = createStoreFaults();
  let server: Server | null = null;
  let ending = new AbortController();
  let wantedPort = options.port ?? 0;

  function fail(response: ServerResponse, status: number, code: string, message: string): number {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
    response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(body);
    return status;
  }

  /** Sends a body under the faults of now; gives how much went out. */
  async function sendBody(response: ServerResponse, whole: Buffer): Promise<number> {
    let body = whole;
    if (state.flips > 0 && body.length > 0) {
      state.flips--;
      body = Buffer.from(body);
      body[body.length >> 1]! ^= 1;
    }
    const isCut = state.cut.count > 0 && body.length > state.cut.afterBytes;
    if (isCut) state.cut.count--;
    const end = isCut ? state.cut.afterBytes : body.length;
    let sent = 0;
    while (sent < end && !response.destroyed) {
      const size = state.bytesPerSecond === null ? end : Math.max(1, Math.floor(state.bytesPerSecond / SLICES_PER_SECOND));
      const slice = body.subarray(sent, Math.min(end, sent + size));
      const written = Promise.withResolvers<void>();
      response.write(slice, () => written.resolve());
      await written.promise;
      sent += slice.length;
      if (state.bytesPerSecond !== null) await sleep(clock, 1000 / SLICES_PER_SECOND, ending.signal).catch(() => {});
    }
    if (isCut) response.destroy();
    else response.end();
    return sent;
  }

  async function serve(request: IncomingMessage, response: ServerResponse, data: Buffer): Promise<{ status: number; bytes: number }> {
    const etag = etagOf(data);
    const wanted = request.headers['if-match'];
    if (wanted !== undefined && wanted !== etag && wanted !== '*')
      return {
        status: fail(response, 412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold'),
        bytes: 0,
      };
    const range = state.ignoresRange ? null : rangeOf(request.headers.range, data.length);
    if (range === 'unsatisfiable')
      return { status: fail(response, 416, 'InvalidRange', 'The requested range is not satisfiable'), bytes: 0 };
    const body = range ? data.subarray(range.start, range.end + 1) : data;
    const status = range ? 206 : 200;
    response.writeHead(status, {
      etag,
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-length': body.length,
      ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${data.length}` }),
    });
    return { status, bytes: await sendBody(response, body) };
  }

  async function take(request: IncomingMessage, response: ServerResponse, name: string): Promise<{ status: number; bytes: number }> {
    // S3 does not take a body of unknown length.
    const length = request.headers['content-length'];
    if (length === undefined)
      return { status: fail(response, 411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.'), bytes: 0 };
    if (Number(length) > MAX_UPLOAD_BYTES)
      return { status: fail(response, 400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size'), bytes: 0 };
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const data = Buffer.concat(chunks);
    objects.set(name, data);
    response.writeHead(200, { etag: etagOf(data), 'content-length': 0 }).end();
    return { status: 200, bytes: data.length };
  }

  async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<{ status: number; bytes: number } | null> {
    const method = request.method ?? '';
    if (state.silent && method === 'GET') return null;
    if (state.busy > 0) {
      state.busy--;
      return { status: fail(response, 503, 'SlowDown', 'Please reduce your request rate.'), bytes: 0 };
    }
    const refusal = signer.refusal(method, url);
    if (refusal) return { status: fail(response, 403, refusal.code, refusal.message), bytes: 0 };
    if (method === 'PUT') return take(request, response, decodeURIComponent(url.pathname.slice(1)));
    const data = objects.get(decodeURIComponent(url.pathname.slice(1)));
    if (!data) return { status: fail(response, 404, 'NoSuchKey', 'The specified key does not exist.'), bytes: 0 };
    return serve(request, response, data);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://store');
    const result = await answer(request, response, url);
    if (!result) return;
    const [bucket = '', ...key] = decodeURIComponent(url.pathname.slice(1)).split('/');
    requests.push({ method: request.method ?? '', bucket, key: key.join('/'), range: request.headers.range ?? null, ...result });
  }

  return {
    async start() {
      if (server) return;
      ending = new AbortController();
      server = createServer({ cert: options.tls.certificate, key: options.tls.privateKey }, (request, response) => {
        // A client that goes in between ends its own request alone.
        handle(request, response).catch(() => response.destroy());
      });
      server.listen(wantedPort, host);
      await once(server, 'listening');
      wantedPort = (server.address() as AddressInfo).port;
    },
    async stop() {
      const open = server;
      server = null;
      if (!open) return;
      ending.abort();
      const closed = once(open, 'close');
      open.close();
      open.closeAllConnections();
      await closed;
    },
    port: () => (server ? wantedPort : null),
    put: (bucket, key, data) => void objects.set(`${bucket}/${key}`, data),
    get: (bucket, key) => objects.get(`${bucket}/${key}`) ?? null,
    presign({ operation, bucket, key, expiresSeconds }) {
      const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
      return `https://${publicHost}:${wantedPort}${signer.sign(operation === 'put' ? 'PUT' : 'GET', path, expiresSeconds)}`;
    },
    requests,
    faults,
  };
}
