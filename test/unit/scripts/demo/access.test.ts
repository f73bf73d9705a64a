import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createAccess } from '../../../../scripts/demo/page/server/access.ts';

const TOKEN = 'a-token-of-the-page';
const access = createAccess(TOKEN, () => 4711);
const asked = (headers: Record<string, string>) => ({ headers: { host: '127.0.0.1:4711', ...headers } }) as unknown as IncomingMessage;
const url = (query = '') => new URL(`http://127.0.0.1:4711/${query}`);

test.each<[string, Record<string, string>, number | null]>([
  ['the page itself', { 'sec-fetch-site': 'same-origin' }, null],
  ['curl', {}, null],
  ['localhost', { host: 'localhost:4711', origin: 'http://localhost:4711' }, null],
  ['a link elsewhere that opens it', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, null],
  ['a name that points here', { host: 'evil.example:4711' }, 421],
  ['another port', { host: '127.0.0.1:80' }, 421],
  ['no name', { host: '' }, 421],
  ['another origin', { origin: 'http://evil.example' }, 403],
  ['no origin at all', { origin: 'null' }, 403],
  ['another port of this machine', { origin: 'http://127.0.0.1:3000' }, 403],
  ['an image on another page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, 403],
  ['a frame on another page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, 403],
])('who may ask: %s', (_, headers, status) => {
  expect(access.foreign(asked(headers))?.status ?? null).toBe(status);
});

test('the token, in the address or in the header, whole', () => {
  expect(access.stranger(asked({}), url(`?token=${TOKEN}`))).toBeNull();
  expect(access.stranger(asked({ 'x-page-token': TOKEN }), url())).toBeNull();
  for (const query of ['', '?token=', '?token=a', `?token=${TOKEN}x`, `?token=${TOKEN.slice(1)}`, '?token[]=x']) {
    expect(access.stranger(asked({}), url(query))?.status, query).toBe(401);
  }
});

test('what changes something needs the header and JSON: a form of another page can make neither', () => {
  const json = { 'content-type': 'application/json; charset=utf-8' };
  expect(access.forged(asked({ ...json, 'x-page-token': TOKEN }))).toBeNull();
  expect(access.forged(asked(json))?.status).toBe(401);
  expect(access.forged(asked({ 'content-type': 'text/plain', 'x-page-token': TOKEN }))?.status).toBe(403);
});
