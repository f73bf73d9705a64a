import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../../../agent/system/errors.ts';
import type { Recorder } from '../recorder.ts';
import { packRecording } from '../recording.ts';
import { createAccess, type Refusal } from './access.ts';
import { createAssets } from './assets.ts';
import { stream } from './stream.ts';

/** A form or a switch; the largest is a raw body for the API, which takes no more. */
const MAX_BODY_BYTES = 72 * 1024;
/** Pages that are open at the same time. */
const MAX_STREAMS = 8;
/** Of every kind. */
const MAX_CONNECTIONS = 256;
/** A request that is not whole by then is ended. */
const REQUEST_MS = 30_000;

/** Only what the page brings itself runs, nothing is asked of another host, and no other page shows it in a frame. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** An answer as JSON. */
export interface JsonAnswer {
  status: number;
  body: unknown;
}

export interface PageServerOptions {
  recorder: Recorder;
  /** `GET /catalogue`: what the page can do. */
  catalogue: unknown;
  /** `POST /NAME` with a JSON body; none in a replay. */
  actions: Readonly<Record<string, (body: unknown) => Promise<JsonAnswer>>>;
  nowMs(): number;
}

/** The page's server, on loopback alone. */
export interface PageServer extends AsyncDisposable {
  /** With the token. */
  readonly address: string;
  readonly token: string;
}

/** Listens on a free port of 127.0.0.1. */
export async function servePage({ recorder, catalogue, actions, nowMs }: PageServerOptions): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url');
  const assets = createAssets();
  const streams = new Set<{ end(): void }>();
  let port = 0;
  const access = createAccess(token, () => port);

  function json(response: ServerResponse, { status, body }: JsonAnswer): void {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  }
  const refuse = (response: ServerResponse, { status, message }: { status: number; message: string }): void =>
    json(response, { status, body: { message } });

  async function get(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    // The code of the page is public; what it shows is not, and neither is the way in.
    const asset = await assets(url.pathname);
    const stranger = asset && url.pathname !== '/' ? null : access.stranger(request, url);
    if (stranger) return refuse(response, stranger);
    if (asset) return void response.writeHead(200, { 'content-type': asset.type }).end(asset.body);
    if (url.pathname === '/catalogue') return json(response, { status: 200, body: catalogue });
    if (url.pathname === '/recording') {
      const file = await packRecording(recorder.recorded(), nowMs());
      const name = `hub-run-${new Date(nowMs()).toISOString().replace(/[:.]/g, '-')}.ndjson.gz`;
      response.writeHead(200, { 'content-type': 'application/gzip', 'content-disposition': `attachment; filename="${name}"` });
      return void response.end(file);
    }
    if (url.pathname !== '/events') return refuse(response, { status: 404, message: 'There is nothing here.' });
    if (streams.size >= MAX_STREAMS) return refuse(response, { status: 503, message: `${MAX_STREAMS} pages are open; close one.` });
    const one = stream(response, recorder);
    streams.add(one);
    response.once('close', () => streams.delete(one));
  }

  async function post(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const forged = access.forged(request);
    if (forged) return refuse(response, forged);
    const name = url.pathname.slice(1);
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (!action) return refuse(response, { status: 404, message: 'There is nothing here.' });
    const body = await bodyOf(request);
    if ('refusal' in body) return refuse(response, body.refusal);
    json(response, await action(body.value));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const foreign: Refusal | null = access.foreign(request);
    if (foreign) return refuse(response, foreign);
    const url = URL.parse(request.url ?? '/', 'http://127.0.0.1');
    if (!url) return refuse(response, { status: 400, message: 'This is no address.' });
    if (request.method === 'GET') await get(request, response, url);
    else if (request.method === 'POST') await post(request, response, url);
    else refuse(response, { status: 405, message: 'GET and POST alone.' });
  }

  const server = createServer((request, response) => {
    response.on('error', () => {});
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, message: messageOf(error) });
    });
  });
  server.requestTimeout = REQUEST_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;

  return {
    address: `http://127.0.0.1:${port}/?token=${token}`,
    token,
    async [Symbol.asyncDispose]() {
      for (const one of streams) one.end();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<{ value: unknown } | { refusal: { status: number; message: string } }> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return { refusal: { status: 413, message: `The body may have ${MAX_BODY_BYTES} bytes.` } };
    parts.push(part as Buffer);
  }
  try {
    return { value: JSON.parse(Buffer.concat(parts).toString('utf8')) };
  } catch {
    return { refusal: { status: 400, message: 'The body must be JSON.' } };
  }
}
