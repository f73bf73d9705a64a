import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { uptime } from 'node:os';
import { parseBounded } from '../system/bounded-json.ts';
import type { MonotonicClock } from '../system/clock.ts';
import { isHubError, messageOf } from '../system/errors.ts';
import type { Guard } from '../system/guard.ts';
import type { Log } from '../system/log.ts';
import { within } from '../system/timeout.ts';
import { DEADLINE_HEADER } from './api.ts';
import { boundConnections, type Connections } from './connections.ts';
import { listenOnSocket } from './socket-file.ts';

/** What a route is given. */
export interface ApiRequest {
  /** What stood for `:name` in the route's path. */
  param: string;
  query: URLSearchParams;
  /** The parsed JSON body; undefined without one. */
  body: unknown;
  /** Aborts when the client is gone or the server stops. */
  signal: AbortSignal;
}

/** Answers with JSON, or with lines for as long as it likes. */
export type ApiReply = { json: unknown } | { lines: (send: (value: unknown) => void, request: ApiRequest) => Promise<void> };

/** `GET /v1/bus/:id/trace` → its handler. */
export type Routes = Readonly<Record<string, (request: ApiRequest) => ApiReply | Promise<ApiReply>>>;

/** An answer that is no success. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface ApiServer {
  start(): Promise<void>;
  /** Takes nothing new, lets answers that are on their way arrive, for a moment, and ends every connection. */
  stop(): Promise<void>;
}

/** The largest request is a command with its args. */
const MAX_BODY_BYTES = 8 * 1024;
const MAX_HEADER_BYTES = 4 * 1024;
/** A request whose headers, or whose whole, is not there by then is given up. */
const HEADERS_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 5_000;
/** For answers that are on their way when the server stops: the one to a reset is among them. A client that does not read gets no more. */
const LAST_ANSWERS_MS = 500;
/** How often Node looks for such requests; its own default is 30 s. */
const CHECK_INTERVAL_MS = 500;
/** What a client that does not read may make us hold; then lines are left out for it. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** HTTP on a Unix socket: bounded in connections, sizes and time. */
export function createApiServer(deps: {
  path: string;
  mode: number;
  maxConnections: number;
  routes: Routes;
  clock: MonotonicClock;
  log: Log;
  guard: Guard;
}): ApiServer {
  const { path, mode, routes, clock, log, guard } = deps;
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();
  const patterns = Object.entries(routes).map(([route, handle]) => {
    const [method, pattern] = route.split(' ') as [string, string];
    return { method, pattern: new RegExp(`^${pattern.replace(':id', '([^/]{1,64})')}$`), handle };
  });
  let server: Server | null = null;
  let http: HttpServer | null = null;
  let connections: Connections | null = null;

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const url = URL.parse(incoming.url ?? '/', 'http://hub');
    if (!url) throw new ApiError(400, 'invalid_path', 'The path cannot be understood.');
    const here = patterns.filter(({ pattern }) => pattern.test(url.pathname));
    const route = here.find(({ method }) => method === incoming.method);
    if (!route) {
      const message = `${incoming.method} ${url.pathname} is not known here.`;
      throw here.length > 0 ? new ApiError(405, 'method_not_allowed', message) : new ApiError(404, 'not_found', message);
    }
    const deadline = Number(incoming.headers[DEADLINE_HEADER] ?? Number.POSITIVE_INFINITY);
    if (uptime() > deadline) throw new ApiError(408, 'expired', 'The client no longer waits for this; nothing was done.');
    const request: ApiRequest = {
      param: decoded(route.pattern.exec(url.pathname)?.[1] ?? ''),
      query: url.searchParams,
      body: await readBody(incoming),
      signal: AbortSignal.any([gone.signal, stopping.signal]),
    };
    connections?.served(incoming.socket, response);
    const reply = await route.handle(request);
    if ('json' in reply) return sendJson(response, 200, reply.json);
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', Connection: 'close' });
    response.flushHeaders();
    await reply.lines((value) => sendLine(response, value), request);
    response.end();
  }

  function onRequest(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = new Promise<void>((resolve) => void response.once('close', resolve));
    inHand.add(sent);
    void sent.then(() => inHand.delete(sent));
    return answer(incoming, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy();
      if (error instanceof ApiError) return sendJson(response, error.status, { error: { code: error.code, message: error.message } });
      if (isHubError(error))
        return sendJson(response, 422, { error: { code: error.code, message: error.message, details: error.details } });
      log.error({ event: 'control_bug', err: error }, 'a request of the control socket failed inside');
      sendJson(response, 500, { error: { code: 'internal', message: 'The agent failed inside; its log has the details.' } });
    });
  }

  /** HTTP takes 1.3 MB: it is loaded at the first connection, and is given the connections of the socket. */
  function onConnection(socket: Socket): void {
    if (socket.destroyed) return;
    if (!http) {
      http = process.getBuiltinModule('node:http').createServer(
        {
          maxHeaderSize: MAX_HEADER_BYTES,
          requestTimeout: REQUEST_TIMEOUT_MS,
          headersTimeout: HEADERS_TIMEOUT_MS,
          connectionsCheckingInterval: CHECK_INTERVAL_MS,
          keepAliveTimeout: 1_000,
        },
        guard('control request', onRequest),
      );
      // With it the server begins to look for requests that take too long.
      http.emit('listening');
    }
    // Node, `http.Server`, event 'connection': may be emitted to inject connections.
    http.emit('connection', socket);
  }

  return {
    async start() {
      // As an HTTP server does: a client that has sent its request may close its half.
      const made = createServer({ allowHalfOpen: true });
      connections = boundConnections(made, deps.maxConnections, guard);
      made.on('connection', guard('control connection', onConnection));
      await listenOnSocket(made, path, mode, guard);
      const onError = (error: Error) => log.error({ event: 'control_failed', path, reason: messageOf(error) }, 'control socket');
      made.on('error', guard('control socket', onError));
      server = made;
      log.info({ event: 'control_listening', path }, 'control socket open');
    },

    async stop() {
      stopping.abort();
      const closing = server;
      server = null;
      if (!closing) return;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      http?.closeIdleConnections();
      await within(clock, LAST_ANSWERS_MS, Promise.all(inHand), () => {});
      http?.closeAllConnections();
      // It never listened itself, which is the error here; its timers end.
      http?.close(() => {});
      await closed;
    },
  };
}

/** A part of a path in plain text. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError(400, 'invalid_path', 'The path has a percent sign that stands for nothing.');
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), Connection: 'close' });
  response.end(text);
}

/** A client that is too slow for its stream loses lines, not the agent its memory. */
function sendLine(response: ServerResponse, value: unknown): void {
  if (response.writableEnded || response.destroyed || response.writableLength > MAX_UNSENT_BYTES) return;
  response.write(typeof value === 'string' ? `${value}\n` : `${JSON.stringify(value)}\n`);
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new ApiError(413, 'too_large', `The body has more than ${MAX_BODY_BYTES} bytes.`);
    parts.push(part);
  }
  if (size === 0) return undefined;
  try {
    return parseBounded(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch {
    throw new ApiError(400, 'not_json', 'The body is not JSON.');
  }
}
