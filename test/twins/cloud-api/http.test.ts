import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { createPki } from '../pki/pki.ts';
import { createWorld, HUB_ID, NOW_MS, OWN_KEY } from './world.ts';

const UNAUTHORIZED = {
  success: false,
  error: 'Unauthorized',
  message: 'Authentication required. Please provide a valid API token',
  code: 401,
};
const STATUS_PATH = `/hubs/${HUB_ID}/status`;
const JSON_HEADERS = { 'content-type': 'application/json', 'x-api-key': OWN_KEY };

test('a bearer token or an API key suffices, also beside an invalid one', async () => {
  await using world = await createWorld();
  await world.provision();
  const token = world.api.issueToken({ orgId: 'own', userId: 'user' });
  const accepted: Record<string, string>[] = [
    { 'x-api-key': OWN_KEY },
    { authorization: `Bearer ${token}` },
    { authorization: `bearer ${token}`, 'x-api-key': 'YOUR_API_KEY' },
    { authorization: 'Bearer YOUR_API_TOKEN (JWT)', 'x-api-key': OWN_KEY },
  ];
  for (const headers of accepted) expect((await world.request(STATUS_PATH, { headers })).status).toBe(200);
});

test('without a valid credential nothing is answered but 401', async () => {
  await using world = await createWorld();
  const signedElsewhere = await createWorld({ jwtSecret: 'another secret' });
  await signedElsewhere.api.stop();
  const user = { orgId: 'own', userId: 'user' };
  const [head, payload] = world.api.issueToken(user).split('.');
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  const refused: Record<string, string>[] = [
    {},
    { 'x-api-key': 'YOUR_API_KEY' },
    { authorization: 'Bearer YOUR_API_TOKEN (JWT)', 'x-api-key': 'YOUR_API_KEY' },
    { authorization: `Basic ${OWN_KEY}` },
    { authorization: `Bearer ${world.api.issueToken({ ...user, expiresInSeconds: 0 })}` },
    { authorization: `Bearer ${signedElsewhere.api.issueToken(user)}` },
    { authorization: `Bearer ${unsigned}` },
    { authorization: `Bearer ${head}.${payload}.AAAA` },
    { authorization: `Bearer ${head}.${payload}` },
  ];
  for (const headers of refused) {
    const reply = await world.request(STATUS_PATH, { headers });
    expect(reply.status).toBe(401);
    expect(reply.body).toEqual(UNAUTHORIZED);
  }
  expect((await world.post('ProvisionHub', { not: 'looked at' }, {})).body).toEqual(UNAUTHORIZED);
});

test('a token ends with its exp', async () => {
  await using world = await createWorld();
  await world.provision();
  const headers = { authorization: `Bearer ${world.api.issueToken({ orgId: 'own', userId: 'user', expiresInSeconds: 60 })}` };
  world.clock.ms = NOW_MS + 59_999;
  expect((await world.request(STATUS_PATH, { headers })).status).toBe(200);
  world.clock.ms = NOW_MS + 60_000;
  expect((await world.request(STATUS_PATH, { headers })).status).toBe(401);
});

test.each(['/', '/hubs', `/hubs/${HUB_ID}`, `${STATUS_PATH}/`, `/hubs/${HUB_ID}/claimhub`, `/hubs//status`, `/v1${STATUS_PATH}`])(
  'there is nothing at %s',
  async (path) => {
    await using world = await createWorld();
    const reply = await world.request(path, { headers: { 'x-api-key': OWN_KEY } });
    expect(reply.status).toBe(404);
    expect(reply.body).toMatchObject({ success: false, code: 404 });
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  },
);

test('methods: 405 names those allowed, OPTIONS too, HEAD is a GET without a body', async () => {
  await using world = await createWorld();
  await world.provision();
  const wrong = await world.request(`/hubs/${HUB_ID}/ClaimHub`, { headers: { 'x-api-key': OWN_KEY } });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('POST, OPTIONS');
  expect((await world.request(STATUS_PATH, { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  const options = await world.request(STATUS_PATH, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  const head = await world.request(STATUS_PATH, { method: 'HEAD', headers: { 'x-api-key': OWN_KEY } });
  expect([head.status, head.body]).toEqual([200, null]);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
});

test('bodies that are not JSON objects are refused', async () => {
  await using world = await createWorld();
  const path = `/hubs/${HUB_ID}/ProvisionHub`;
  const texts = ['', '{', '[]', 'null', '"text"', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])];
  for (const body of texts) {
    const reply = await world.request(path, { method: 'POST', headers: JSON_HEADERS, body });
    expect(reply.status).toBe(400);
    expect(reply.body.details).toEqual([{ field: 'body', message: 'The request body must be a JSON object' }]);
  }
  const form = await world.request(path, { method: 'POST', headers: { 'x-api-key': OWN_KEY }, body: new URLSearchParams({ a: 'b' }) });
  expect(form.status).toBe(415);
  const packed = await world.request(path, { method: 'POST', headers: { ...JSON_HEADERS, 'content-encoding': 'gzip' }, body: 'x' });
  expect(packed.status).toBe(415);
  const withCharset = { ...JSON_HEADERS, 'content-type': 'Application/JSON; charset=utf-8' };
  expect((await world.request(path, { method: 'POST', headers: withCharset, body: '{}' })).body.details[0].field).toBe('hubId');
});

test('a body over 64 KiB is refused, and the connection goes on', async () => {
  await using world = await createWorld();
  const large = { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify({ hubId: HUB_ID, serial: 'x'.repeat(200_000) }) };
  expect((await world.request(`/hubs/${HUB_ID}/ProvisionHub`, large)).status).toBe(413);
  expect((await world.provision()).status).toBe(201);
});

test('a caller that goes away in the middle of its body does no harm', async () => {
  await using world = await createWorld();
  const caller = connect(Number(new URL(world.api.url).port), '127.0.0.1');
  const head = `POST /hubs/${HUB_ID}/ProvisionHub HTTP/1.1\r\nhost: x\r\nx-api-key: ${OWN_KEY}\r\ncontent-type: application/json\r\n`;
  caller.write(`${head}expect: 100-continue\r\ncontent-length: 100\r\n\r\n{"hubId"`);
  // The interim answer shows that the request is being read.
  await once(caller, 'data');
  caller.resetAndDestroy();
  expect((await world.provision()).status).toBe(201);
  expect(world.lines).toHaveLength(1);
});

test('faults: requests fail before they are done, answers are lost after', async () => {
  await using world = await createWorld();
  world.api.faults.fail(1, 503);
  expect((await world.provision()).status).toBe(503);
  world.api.faults.loseAnswers(1);
  await expect(world.provision()).rejects.toThrow();
  expect((await world.provision()).status).toBe(200);
  world.api.faults.fail(5, 500);
  world.api.faults.clear();
  expect((await world.status()).status).toBe(200);
  expect(world.lines.map((line) => line.status)).toEqual([503, null, 200, 200]);
});

test('stop ends idle and silent connections, and start brings the same hubs back', async () => {
  await using world = await createWorld();
  await world.provision();
  const silent = connect(Number(new URL(world.api.url).port), '127.0.0.1');
  await once(silent, 'connect');
  silent.on('error', () => {});
  const ended = once(silent, 'close');
  await world.api.stop();
  await ended;
  expect(() => world.api.url).toThrow('not been started');
  await world.api.stop();
  await world.api.start();
  expect((await world.status()).body.serial).toBe('SN-1');
});

test('a taken port is an error of start', async () => {
  await using world = await createWorld();
  const port = Number(new URL(world.api.url).port);
  await expect(createWorld({ port })).rejects.toThrow('EADDRINUSE');
});

test('the same port answers TLS when there is a certificate', async () => {
  const pki = await createPki();
  await using world = await createWorld({ tls: await pki.issueServer(['127.0.0.1']) });
  await world.provision();
  const options = { ca: pki.caCertificate, headers: { 'x-api-key': OWN_KEY }, agent: false };
  const call = httpsRequest(world.api.secureUrl + STATUS_PATH, options).end();
  const [response] = await once(call, 'response');
  const chunks = await response.toArray();
  expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ hubId: HUB_ID });
  expect((await world.status()).status).toBe(200);
});

test('without a certificate TLS is turned away', async () => {
  await using world = await createWorld();
  expect(() => world.api.secureUrl).toThrow('no certificate');
  const call = httpsRequest(world.api.url.replace('http', 'https') + STATUS_PATH, { agent: false }).end();
  await expect(once(call, 'response')).rejects.toThrow();
});
