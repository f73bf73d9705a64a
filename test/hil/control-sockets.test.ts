import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEADLINE_HEADER } from '../../agent/control/api.ts';
import { type Control, createControl } from '../../agent/control/control.ts';
import { createLogRing, type LogRing, MAX_FOLLOWERS } from '../../agent/control/log-ring.ts';
import { statusAnswer } from '../../agent/hubctl/answers/status.ts';
import { createAgentClient } from '../../agent/hubctl/cli/client.ts';
import { createMonotonicClock, createWallClock } from '../../agent/system/clock.ts';
import { HubError } from '../../agent/system/errors.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { createHostFacts } from '../../agent/system/linux/host-linux.ts';
import { createLog } from '../../agent/system/log.ts';
import { HEALTHY } from '../unit/hubctl/fixtures.ts';

interface World extends AsyncDisposable {
  folder: string;
  control: Control;
  logs: LogRing;
  executed: unknown[];
  /** Traces that are on now. */
  traced: Set<string>;
  logged: string[];
  call(
    method: string,
    path: string,
    options?: { admin?: boolean; body?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; text: string }>;
  /** A stream that stays open; resolves with its first bytes. */
  open(path: string): Promise<{ status: number; end(): void }>;
}

async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-control-'));
  const socketPath = join(folder, 'control.sock');
  const logs = createLogRing();
  const executed: unknown[] = [];
  const traced = new Set<string>();
  const logged: string[] = [];
  const clock = createMonotonicClock();
  const wallClock = createWallClock();
  let traces = 0;
  const control = createControl({
    socketPath,
    status: {
      version: '1.2.3',
      identity: HEALTHY.identity,
      claim: () => null,
      release: () => ({ sequence: null, factory: true, trial: false }),
      fileFaults: () => [],
      cloud: () => HEALTHY.cloud,
      wifi: async () => null,
      host: createHostFacts({ wallClock, stateDirectory: folder }),
      buses: () => [],
      zigbee: () => [],
      nodes: () => HEALTHY.nodes,
      knownNodes: async () => [],
      commands: () => [],
      logLevel: () => 'info',
      faults: () => [],
      logOutput: () => ({ droppedLines: 0, failing: null }),
      alarms: () => [],
      wallClock,
      clock,
    },
    nodes: async () => ({ nodes: [], total: 0, available: 0, scanComplete: true, buses: [] }),
    commands: () => [],
    wifi: async () => ({ connection: null, credentialsSet: null, problem: null }),
    async ping() {
      executed.push('ping');
      return 1;
    },
    logs,
    zigbee: [],
    changed() {},
    trace(bus) {
      if (bus !== 'rs485') return null;
      const name = `${bus}#${traces++}`;
      traced.add(name);
      return () => traced.delete(name);
    },
    async execute(envelope) {
      executed.push(envelope);
      return { ...HEALTHY.lastCommands[0]!, command: String(envelope.command) };
    },
    maintenance: {
      async identify(nodeId, seconds) {
        executed.push({ identify: nodeId, seconds });
        return { nodeId, seconds, by: ['led'] };
      },
      async forget(nodeId) {
        throw new HubError('node_unknown', `there is no node ${nodeId}`);
      },
      async rekey(bus, asked, onDone) {
        executed.push({ rekey: bus, ...asked });
        onDone({ address: 5, result: 'rekeyed' });
        return [{ address: 5, result: 'rekeyed' }];
      },
      async setAddress(bus, change) {
        executed.push({ setAddress: bus, ...change });
        return { bus, ...change, proven: true };
      },
    },
    setLogLevel: (level, minutes) => void executed.push({ level, minutes }),
    async reset(kind) {
      executed.push({ kind });
      // As the agent does: its stop begins before the answer is written.
      if (kind === 'state') void control.stop();
      for (let tick = 0; tick < 20; tick++) await null;
    },
    guard: unguarded,
    clock,
    log: createLog('info', { write: (text: string) => void logged.push(text) }),
  });

  const start = (method: string, path: string, admin = false, headers: Record<string, string> = {}) =>
    request({ socketPath: admin ? join(folder, 'admin.sock') : socketPath, method, path, headers, agent: false });
  return {
    folder,
    control,
    logs,
    executed,
    traced,
    logged,
    call(method, path, { admin = false, body, headers } = {}) {
      return new Promise((resolve, reject) => {
        const call = start(method, path, admin, headers);
        call.once('error', reject);
        call.once('response', (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.once('end', () => resolve({ status: response.statusCode!, text }));
        });
        call.end(body);
      });
    },
    open(path) {
      return new Promise((resolve, reject) => {
        const call = start('GET', path);
        call.once('error', reject);
        call.once('response', (response) => {
          response.on('error', () => {});
          response.resume();
          resolve({ status: response.statusCode!, end: () => call.destroy() });
        });
        call.end();
      });
    },
    async [Symbol.asyncDispose]() {
      await control.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

describe.concurrent('the control sockets', () => {
  test('let read whoever is in the group, and change only the owner', async () => {
    await using world = await createWorld();
    await world.control.start();
    expect((await stat(join(world.folder, 'control.sock'))).mode & 0o777).toBe(0o660);
    expect((await stat(join(world.folder, 'admin.sock'))).mode & 0o777).toBe(0o600);
    for (const path of ['/v1/status', '/v1/nodes', '/v1/commands', '/v1/wifi', '/v1/logs']) {
      expect(await world.call('GET', path)).toMatchObject({ status: 200 });
    }
    for (const [method, path] of [
      ['POST', '/v1/run'],
      ['POST', '/v1/ping'],
      ['POST', '/v1/nodes/identify'],
      ['POST', '/v1/nodes/forget'],
      ['POST', '/v1/bus/rs485/set-address'],
      ['POST', '/v1/bus/rs485/rekey'],
      ['PUT', '/v1/log-level'],
      ['POST', '/v1/reset'],
    ] as const) {
      expect(await world.call(method, path, { body: '{}' })).toMatchObject({ status: 404 });
    }
    expect(world.executed).toEqual([]);
    expect(await world.call('GET', '/v1/ping')).toMatchObject({ status: 404 });
    expect(await world.call('POST', '/v1/ping', { admin: true, body: '{}' })).toMatchObject({ status: 200 });
    expect(world.executed).toEqual(['ping']);
  });

  test('log each use of the one that changes', async () => {
    await using world = await createWorld();
    await world.control.start();
    const body = JSON.stringify({ command: 'set_wifi_credentials', args: { credentials: 'correct horse battery' } });
    expect((await world.call('POST', '/v1/run', { admin: true, body })).text).toContain('"command":"set_wifi_credentials"');
    await world.call('PUT', '/v1/log-level', { admin: true, body: '{"level":"debug","minutes":5}' });
    await world.call('POST', '/v1/reset', { admin: true, body: '{"kind":"factory"}' });
    expect(world.executed).toMatchObject([{ command: 'set_wifi_credentials' }, { level: 'debug', minutes: 5 }, { kind: 'factory' }]);
    for (const event of ['control_run', 'control_log_level', 'control_reset']) expect(world.logged.join()).toContain(event);
    expect(world.logged.join()).not.toContain('correct horse');
  });

  test('do something with single nodes, and say in the stream why they do not', async () => {
    await using world = await createWorld();
    await world.control.start();
    const post = async (path: string, body: object) =>
      (await world.call('POST', path, { admin: true, body: JSON.stringify(body) })).text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    expect(await post('/v1/nodes/identify', { nodeId: 'rs485/5' })).toEqual([{ result: { nodeId: 'rs485/5', seconds: 10, by: ['led'] } }]);
    expect(await post('/v1/bus/rs485/set-address', { from: 0, to: 5, baudRate: 38400 })).toMatchObject([{ result: { proven: true } }]);
    expect(world.executed).toEqual([
      { identify: 'rs485/5', seconds: 10 },
      { setAddress: 'rs485', from: 0, to: 5, baudRate: 38400 },
    ]);
    expect(await post('/v1/bus/rs485/rekey', { address: 5, defaultKey: true })).toEqual([
      { progress: { address: 5, result: 'rekeyed' } },
      { result: [{ address: 5, result: 'rekeyed' }] },
    ]);
    expect(world.executed.at(-1)).toEqual({ rekey: 'rs485', address: 5, defaultKey: true });
    expect(await post('/v1/nodes/forget', { nodeId: 'rs485/9' })).toMatchObject([{ error: { code: 'node_unknown' } }]);
    for (const event of ['control_identify', 'control_set_address', 'control_forget']) expect(world.logged.join()).toContain(event);
  });

  test.each([
    ['GET', '/v2/status', false, undefined, 404],
    ['GET', '/v1/../etc/passwd', false, undefined, 404],
    ['DELETE', '/v1/status', false, undefined, 405],
    ['GET', '/v1/logs?lines=2001', false, undefined, 400],
    ['GET', '/v1/bus/none/trace', false, undefined, 404],
    ['GET', '/v1/bus/%zz/trace', false, undefined, 400],
    ['GET', '//', false, undefined, 400],
    ['POST', '/v1/run', true, 'x'.repeat(9_000), 413],
    ['POST', '/v1/run', true, '{"command":', 400],
    ['POST', '/v1/run', true, '[]', 400],
    ['POST', '/v1/run', true, undefined, 400],
    ['POST', '/v1/run', true, '{"command":{"toString":1,"valueOf":1}}', 400],
    ['POST', '/v1/run', true, '{"args":{}}', 400],
    ['PUT', '/v1/log-level', true, '{"level":"info","minutes":[5]}', 400],
    ['PUT', '/v1/log-level', true, '{"level":"info","minutes":{"toString":1}}', 400],
    ['POST', '/v1/nodes/identify', true, '{"nodeId":"rs485/5","seconds":[3]}', 400],
    ['PUT', '/v1/log-level', true, '{"level":"silent"}', 400],
    ['PUT', '/v1/log-level', true, '{"level":"info","minutes":100000}', 400],
    ['POST', '/v1/reset', true, '{"kind":"everything"}', 400],
    ['POST', '/v1/nodes/identify', true, '{"nodeId":5}', 400],
    ['POST', '/v1/nodes/identify', true, '{"nodeId":"rs485/5","seconds":3600}', 400],
    ['POST', '/v1/nodes/forget', true, '{}', 400],
    ['POST', '/v1/bus/rs485/set-address', true, '{"from":0,"to":"5"}', 400],
  ] as const)('refuse %s %s (admin %s, body %.12s)', async (method, path, admin, body, status) => {
    await using world = await createWorld();
    await world.control.start();
    const answer = await world.call(method, path, { admin, ...(body !== undefined && { body }) });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    expect(world.executed).toEqual([]);
    expect(world.logged.join()).not.toContain('control_bug');
  });

  test.each([
    ['in 250 bytes each', 250, 2_000],
    ['as much as the ring holds', 2_500, 400],
  ])('give the whole log, to its newest line: %s', async (_what, size, count) => {
    await using world = await createWorld();
    await world.control.start();
    const lines = Array.from({ length: count }, (_, index) => `${index} `.padEnd(size, 'x'));
    for (const line of lines) world.logs.write(`${line}\n`);
    const { text } = await world.call('GET', '/v1/logs?lines=2000');
    expect(text.trimEnd().split('\n')).toEqual(lines);
  });

  test('do not do what nobody waits for any more', async () => {
    await using world = await createWorld();
    await world.control.start();
    const late = { admin: true, body: '{"kind":"factory"}', headers: { [DEADLINE_HEADER]: String(uptime() - 1) } };
    expect(await world.call('POST', '/v1/reset', late)).toMatchObject({ status: 408 });
    expect(world.executed).toEqual([]);
  });

  test('answer what is in hand when they stop: a reset is confirmed', async () => {
    await using world = await createWorld();
    await world.control.start();
    expect(await world.call('POST', '/v1/reset', { admin: true, body: '{"kind":"state"}' })).toMatchObject({ status: 200 });
  });

  test('follow and trace for a bounded number, and let go of who is gone', async () => {
    await using world = await createWorld();
    await world.control.start();
    const traces = await Promise.all(Array.from({ length: 4 }, () => world.open('/v1/bus/rs485/trace')));
    expect(traces.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await world.call('GET', '/v1/bus/rs485/trace')).toMatchObject({ status: 429 });
    for (const { end } of traces) end();
    await until(() => world.traced.size === 0);
    (await world.open('/v1/bus/rs485/trace')).end();

    const followers = await Promise.all(Array.from({ length: MAX_FOLLOWERS }, () => world.open('/v1/logs?follow=1')));
    expect((await world.call('GET', '/v1/logs?follow=1&lines=0')).text).toContain('too_many_followers');
    for (const { end } of followers) end();
    await until(() => {
      const end = world.logs.follow(() => {});
      end?.();
      return end !== null;
    });
  });

  /** Holds the reading socket with clients that each send this, and then nothing more, reading nothing. */
  async function hold(world: World, count: number, send: string): Promise<Socket[]> {
    const held = Array.from({ length: count }, () => connect(join(world.folder, 'control.sock')));
    for (const socket of held) {
      socket.on('error', () => {});
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      socket.pause();
      await new Promise<void>((resolve) => (send === '' ? resolve() : void socket.write(send, () => resolve())));
    }
    return held;
  }

  test.each([
    ['that say nothing', ''],
    ['that never end their headers', 'GET /v1/status HTTP/1.1\r\nHost: h\r\n'],
    ['that never send the body they promise', 'GET /v1/status HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{'],
    ['that do not read their answer', 'GET /v1/logs?lines=2000 HTTP/1.1\r\nHost: h\r\n\r\n'],
  ])('clients %s lock nobody out', async (_what, send) => {
    await using world = await createWorld();
    await world.control.start();
    for (let index = 0; index < 400; index += 1) world.logs.write(`${'x'.repeat(2_000)}\n`);
    const held = await hold(world, 40, send);
    for (let round = 0; round < 3; round += 1) expect(await world.call('GET', '/v1/status')).toMatchObject({ status: 200 });
    for (const socket of held) socket.destroy();
  });

  test('silent clients are let go without anybody else coming', async () => {
    await using world = await createWorld();
    await world.control.start();
    const held = await hold(world, 3, 'GET /v1/status HTTP/1.1\r\n');
    const closed = held.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    for (const socket of held) socket.resume();
    // By the server's own deadline; nothing else ends them.
    await Promise.all(closed);
  });

  test('of a full server say that it is busy, and a cut in mid-answer that it ended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hub-client-'));
    const path = join(folder, 'control.sock');
    let answer = '';
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => (answer === '' ? socket.destroy() : socket.write(answer, () => socket.destroy())));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = createAgentClient(path);
    await expect(client.get('/v1/status', statusAnswer)).rejects.toMatchObject({ problem: 'busy' });
    answer = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":';
    await expect(client.get('/v1/status', statusAnswer)).rejects.toMatchObject({
      problem: 'down',
      message: expect.stringContaining('while it answered'),
    });
    await expect(client.lines({ path: '/v1/logs' }, () => {})).rejects.toMatchObject({ problem: 'down' });
    answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno';
    await expect(client.get('/v1/status', statusAnswer)).rejects.toMatchObject({ problem: 'unclear' });
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('are not opened over something that is no dead socket', async () => {
    await using world = await createWorld();
    const path = join(world.folder, 'control.sock');
    await writeFile(path, 'precious');
    await world.control.start();
    expect(world.logged.join()).toContain('control_unavailable');
    expect((await stat(path)).isFile()).toBe(true);

    await using other = await createWorld();
    const living = createServer().listen(join(other.folder, 'control.sock'));
    await new Promise((resolve) => living.once('listening', resolve));
    await other.control.start();
    expect(other.logged.join()).toContain('Another process listens');
    living.close();
  });
});
