import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPki } from '../pki/pki.ts';
import { createObjectStore } from './index.ts';
import { rangeOf } from './range.ts';
import type { ObjectStore } from './types.ts';

const DATA = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));
let store: ObjectStore;
let ca: string;
let nowMs: number;

beforeEach(async () => {
  const pki = await createPki();
  ca = pki.caCertificate;
  nowMs = 1_795_300_000_000;
  store = createObjectStore({ tls: await pki.issueServer(['127.0.0.1']), nowMs: () => nowMs });
  await store.start();
  store.put('releases', 'parts/a b', DATA);
});
afterEach(() => store.stop());

const urlOf = (operation: 'get' | 'put' = 'get', key = 'parts/a b') => store.presign({ operation, bucket: 'releases', key });

async function ask(url: string, options: RequestOptions = {}, body?: Buffer) {
  const sent = request(url, { ca, agent: false, ...options });
  const answered = once(sent, 'response');
  sent.end(body);
  const [response] = await answered;
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

test('a presigned URL opens one object for one method until it expires', async () => {
  const url = urlOf();
  expect(await ask(url)).toMatchObject({ status: 200, headers: { 'content-length': '1000', 'accept-ranges': 'bytes' }, body: DATA });
  expect((await ask(url, { method: 'HEAD' })).status).toBe(403);
  expect((await ask(url.replace('a%20b', 'other'))).body.toString()).toContain('SignatureDoesNotMatch');
  expect((await ask(url.split('?')[0]!)).body.toString()).toContain('AccessDenied');
  expect((await ask(urlOf('get', 'nothing'))).status).toBe(404);
  nowMs += 3_600_000;
  const late = await ask(url);
  expect([late.status, late.body.toString()]).toEqual([403, expect.stringContaining('Request has expired')]);
});

test('a part of an object, while it is still the same', async () => {
  const { headers } = await ask(urlOf());
  const part = (etag: string) => ask(urlOf(), { headers: { range: 'bytes=900-', 'if-match': etag } });
  expect(await part(headers.etag)).toMatchObject({
    status: 206,
    headers: { 'content-range': 'bytes 900-999/1000' },
    body: DATA.subarray(900),
  });
  store.put('releases', 'parts/a b', Buffer.from('another'));
  expect((await part(headers.etag)).status).toBe(412);
  expect((await part('*')).status).toBe(416);
});

test.each([
  [undefined, 10, null],
  ['bytes=0-0', 10, { start: 0, end: 0 }],
  ['bytes=3-', 10, { start: 3, end: 9 }],
  ['bytes=3-99', 10, { start: 3, end: 9 }],
  ['bytes=-4', 10, { start: 6, end: 9 }],
  ['bytes=-40', 10, { start: 0, end: 9 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=5-3', 10, null],
  ['bytes=0-1,3-4', 10, null],
  ['bytes=-', 10, null],
])('the range %s of %i bytes', (header, size, range) => expect(rangeOf(header, size)).toEqual(range));

test('an upload needs its length and the method that was signed', async () => {
  const body = Buffer.from('bundle');
  const put = (headers: RequestOptions['headers'], url = urlOf('put', 'up/1')) => ask(url, { method: 'PUT', headers }, body);
  expect((await put({ 'content-length': body.length })).status).toBe(200);
  expect(store.get('releases', 'up/1')).toEqual(body);
  expect((await put({ 'transfer-encoding': 'chunked' })).status).toBe(411);
  expect((await put({ 'content-length': body.length }, urlOf('get', 'up/1'))).status).toBe(403);
});

test('faults: cut, flipped, busy, deaf to ranges', async () => {
  store.faults.cutAfter(100, 1);
  await expect(ask(urlOf())).rejects.toThrow();
  store.faults.flipBit(1);
  expect((await ask(urlOf())).body.equals(DATA)).toBe(false);
  store.faults.busy(1);
  expect((await ask(urlOf())).status).toBe(503);
  store.faults.ignoreRange(true);
  expect(await ask(urlOf(), { headers: { range: 'bytes=900-' } })).toMatchObject({ status: 200, body: DATA });
  expect(store.requests.map(({ status, bytes }) => [status, bytes])).toEqual([
    [200, 100],
    [200, 1_000],
    [503, 0],
    [200, 1_000],
  ]);
});

test('a store that is silent or slow ends with its stop', async () => {
  store.faults.silent(true);
  const silent = ask(urlOf());
  store.faults.slow(20);
  await Promise.all([expect(silent).rejects.toThrow(), store.stop()]);
  store.faults.silent(false);
  await store.start();
  const sent = request(urlOf(), { ca, agent: false }).end();
  const [response] = await once(sent, 'response');
  await once(response, 'data');
  await Promise.all([expect(buffer(response)).rejects.toThrow(), store.stop()]);
});
