import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRecorder, type Recorder } from '../../scripts/demo/page/recorder.ts';
import { packRecording } from '../../scripts/demo/page/recording.ts';
import { type PageServer, servePage } from '../../scripts/demo/page/server/server.ts';
import { startDemo } from '../hil/rig/demo-process.ts';
import { addressIn } from './world.ts';

async function serve() {
  const recorder = createRecorder({ nowMs: () => Date.now() });
  const done: unknown[] = [];
  const server = await servePage({
    recorder,
    catalogue: { mode: 'live' },
    nowMs: Date.now,
    actions: {
      async fault(body) {
        done.push(body);
        return { status: 200, body: { ok: true } };
      },
    },
  });
  return { recorder, done, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** As a client that sends what it wants. */
function ask(
  server: Pick<PageServer, 'address'>,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const { method = 'GET', headers = {}, body } = options;
  const { port, host } = new URL(server.address);
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers: { host, ...headers } }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => {
        text += part.toString();
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const json = { 'content-type': 'application/json' };

test('the page needs its token, its code does not, and every answer forbids what it can', async () => {
  await using world = await serve();
  const { server } = world;
  for (const path of ['/', '/?token=wrong', '/events', '/catalogue', '/recording', '/nothing', '/../../package.json', '//evil.example/']) {
    expect((await ask(server, path)).status, path).toBe(401);
  }
  const page = await ask(server, `/?token=${server.token}`);
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(page.headers['content-security-policy']).not.toMatch(/unsafe/);
  expect(page.text).not.toMatch(/<script(?![^>]* src=)|<style| style=|https?:|token/);
  const code = await ask(server, '/app.js');
  expect([code.status, code.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
  expect(code.text).not.toContain(server.token);
});

test('a request that names another server, or comes from another page, is turned away', async () => {
  await using world = await serve();
  const { server, done } = world;
  const path = `/?token=${server.token}`;
  expect((await ask(server, path, { headers: { host: 'evil.example' } })).status).toBe(421);
  expect((await ask(server, path, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  const post = (headers: Record<string, string>) => ask(server, '/fault', { method: 'POST', headers, body: '{}' });
  expect((await post(json)).status).toBe(401);
  expect((await post({ 'x-page-token': server.token, 'content-type': 'text/plain' })).status).toBe(403);
  expect((await ask(server, `/fault?token=${server.token}`, { method: 'POST', headers: json, body: '{}' })).status).toBe(401);
  expect(done).toEqual([]);
  expect((await post({ ...json, 'x-page-token': server.token })).status).toBe(200);
  expect(done).toEqual([{}]);
});

test('a recorded run is served until the end is asked for, and nothing can be done in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hub-replay-'));
  try {
    const recorder = createRecorder({ nowMs: () => 1_795_300_000_000 });
    recorder.record({ kind: 'wifi', network: 'home' });
    await writeFile(join(folder, 'run.gz'), await packRecording(recorder.recorded(), 1_795_300_000_000));
    await using demo = await startDemo('--replay', join(folder, 'run.gz'));
    await demo.untilPrinted('token=');
    const server = { address: addressIn(demo.out()), token: new URL(addressIn(demo.out())).searchParams.get('token')! };
    expect(JSON.parse((await ask(server, `/catalogue?token=${server.token}`)).text)).toMatchObject({
      mode: 'replay',
      faults: [],
      calls: [],
    });
    const headers = { ...json, 'x-page-token': server.token };
    for (const action of ['fault', 'call'])
      expect((await ask(server, `/${action}`, { method: 'POST', headers, body: '{}' })).status).toBe(404);
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
    expect(await demo.leftovers()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a device is no file: it might have no end', async () => {
  await using demo = await startDemo('--replay', '/dev/null');
  expect(await demo.exited).toBe(1);
  expect(demo.errors()).toContain('--replay /dev/null: this is no file');
});

test('bad bodies get an answer, and the server goes on', async () => {
  await using world = await serve();
  const { server, done } = world;
  const headers = { ...json, 'x-page-token': server.token };
  expect((await ask(server, '/fault', { method: 'POST', headers, body: 'x'.repeat(100_000) })).status).toBe(413);
  expect((await ask(server, '/fault', { method: 'POST', headers, body: '{' })).status).toBe(400);
  for (const path of ['/nothing', '/constructor', '/__proto__', '/toString']) {
    expect((await ask(server, path, { method: 'POST', headers, body: '{}' })).status, path).toBe(404);
  }
  for (const path of ['//', 'http://[::1/']) expect((await ask(server, path, { headers })).status, path).toBe(400);
  expect((await ask(server, '/fault', { method: 'DELETE', headers })).status).toBe(405);
  expect(done).toEqual([]);
});

test('a reader that does not read is cut off instead of being buffered for', async () => {
  let left = () => {};
  const gone = new Promise<void>((resolve) => {
    left = resolve;
  });
  const inner = createRecorder({ nowMs: () => Date.now() });
  let following = false;
  const recorder: Recorder = {
    ...inner,
    follow(onLine) {
      const { recorded, end } = inner.follow(onLine);
      following = true;
      return {
        recorded,
        end() {
          following = false;
          end();
          left();
        },
      };
    },
  };
  await using server = await servePage({ recorder, catalogue: {}, actions: {}, nowMs: Date.now });
  const { port, host } = new URL(server.address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET /events?token=${server.token} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  // It is never read. 200 MB are more than any system keeps for it.
  const text = 'x'.repeat(100_000);
  let sent = 0;
  await expect.poll(() => following).toBe(true);
  while (following && sent < 2_000) {
    recorder.record({ kind: 'log', level: 'info', event: 'e', text, fields: {} });
    sent += 1;
    if (sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 120));
  }
  expect(following).toBe(false);
  await gone;
  socket.destroy();
  expect((await ask(server, `/?token=${server.token}`)).status).toBe(200);
});
