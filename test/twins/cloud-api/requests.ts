import type { IncomingMessage } from 'node:http';
import { type Answer, failure, invalid } from './answers.ts';
import type { Authenticator } from './auth.ts';
import { isObject, type JsonObject } from './bodies.ts';
import type { Calls } from './calls.ts';
import type { Principal } from './types.ts';

/** Eight times the shadow's own limit: whatever is larger can never be delivered. */
const MAX_BODY_BYTES = 64 * 1024;

/** So much of a body too large is read away, so that a caller who writes before it reads gets its 413; past it the connection ends. */
const MAX_DRAINED_BYTES = 1024 * 1024;

/** What one route does once the caller is known; `body` is empty for a read. */
interface Route {
  methods: readonly string[];
  call(principal: Principal, id: string, body: JsonObject): Answer;
}

function routesOf(calls: Calls): Map<string, Route> {
  const post = ['POST'];
  return new Map<string, Route>([
    ['ProvisionHub', { methods: post, call: calls.provisionHub }],
    ['ClaimHub', { methods: post, call: calls.claimHub }],
    ['SendHubCommand', { methods: post, call: calls.sendHubCommand }],
    ['status', { methods: ['GET', 'HEAD'], call: calls.status }],
  ]);
}

function pathSegments(url: string): string[] | null {
  try {
    return url.split('?', 1)[0]!.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** The body's bytes, or null when there are more than allowed. @throws Error when the caller's connection breaks. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Not `for await`: leaving it early would destroy the request, and with it the connection the 413 has to go out on.
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      else if (length > MAX_DRAINED_BYTES) resolve();
    });
    request.on('end', resolve);
    request.on('error', reject);
  });
  return length > MAX_BODY_BYTES ? null : Buffer.concat(chunks);
}

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

async function jsonBody(request: IncomingMessage): Promise<{ body: JsonObject } | { refusal: Answer }> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (type !== 'application/json' || encoding !== 'identity') return { refusal: failure(415) };
  const bytes = await readBody(request);
  if (!bytes) return { refusal: failure(413, [], request.complete ? {} : { connection: 'close' }) };
  const body = parseObject(bytes);
  return body ? { body } : { refusal: invalid('body', 'The request body must be a JSON object') };
}

/** Turns a request into its answer: route, method, credential, body, call, in this order. @throws when the caller's connection breaks. */
export function createRequestHandler(deps: { calls: Calls; auth: Authenticator }): (request: IncomingMessage) => Promise<Answer> {
  const routes = routesOf(deps.calls);

  return async (request) => {
    const segments = pathSegments(request.url ?? '/');
    if (!segments) return failure(400);
    const [root, id, name, ...rest] = segments;
    const route = root === 'hubs' && id && name && rest.length === 0 ? routes.get(name) : undefined;
    if (!route || !id) return failure(404);

    const method = request.method ?? '';
    const allow = [...route.methods, 'OPTIONS'].join(', ');
    if (method === 'OPTIONS') return { status: 204, body: null, headers: { allow } };
    if (!route.methods.includes(method)) return failure(405, [], { allow });

    const principal = deps.auth.authenticate(request.headers);
    if (!principal) return failure(401, [], { 'www-authenticate': 'Bearer' });
    if (method !== 'POST') return route.call(principal, id, {});

    const read = await jsonBody(request);
    return 'refusal' in read ? read.refusal : route.call(principal, id, read.body);
  };
}
