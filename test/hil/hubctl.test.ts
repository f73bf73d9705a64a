import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { spawn as spawnPty } from '@lydell/node-pty';
import { describe, expect, test } from 'vitest';
import type { StatusReport } from '../../agent/control/api.ts';
import { statusScreen } from '../../agent/hubctl/commands/status.ts';
import { createFakeTerminal } from '../unit/hubctl/fake-terminal.ts';
import { HEALTHY } from '../unit/hubctl/fixtures.ts';
import { ASKING_THE_AGENT, placesOf, runHubctl } from './rig/hubctl.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { ONE_PERIPHERAL, startOnline, untilOnline, untilScanned } from './rig/start.ts';

const HUBCTL = fileURLToPath(new URL('../../agent/hubctl.ts', import.meta.url));
const PASSWORD = 'correct horse battery staple';

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe.concurrent('hubctl and a running agent', () => {
  test('show the hub, run commands on the path of the cloud, and keep their secrets', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await rig.claim();
    await untilScanned(rig);

    expect(await modeOf(join(rig.folder, 'control.sock'))).toBe(0o660);
    expect(await modeOf(join(rig.folder, 'admin.sock'))).toBe(0o600);

    const status = (await runHubctl(rig, 'status --json')).terminal.json() as StatusReport;
    expect(status).toMatchObject({
      identity: { hubId: rig.hubId },
      agent: { pid: agent.pid },
      cloud: { phase: 'connected', session: rig.reported().session },
      nodes: { total: 1, available: 1, scanComplete: true },
      buses: [{ id: 'rs485', state: 'up' }],
    });
    const screen = await runHubctl(rig, 'status');
    expect(screen.code).toBe(0);
    expect(screen.terminal.text()).toContain('ONLINE');
    // The machine's own memory, disk and clock are not the rig's.
    const hub = { ...status, host: HEALTHY.host, clock: HEALTHY.clock };
    expect(statusScreen(hub, 80, (_colour, text) => text).join('\n')).toContain('Nothing wrong in sight.');

    const nodes = await runHubctl(rig, 'nodes');
    expect(nodes).toMatchObject({ code: 0 });
    expect(nodes.terminal.text()).toMatch(/rs485\/0 +ok/);
    expect((await runHubctl(rig, 'nodes --bus nope')).code).toBe(64);

    const watcher = createFakeTerminal({ onOut: () => watcher.interrupt() });
    expect((await runHubctl(rig, 'nodes --watch', watcher)).code).toBe(130);
    expect(watcher.text()).toMatch(/rs485\/0 +ok/);

    const scanned = await runHubctl(rig, 'nodes scan --json');
    expect(scanned.terminal.json()).toMatchObject({ total: 1, nodes: [{ nodeId: 'rs485/0' }] });
    expect(await runHubctl(rig, 'run server_info')).toMatchObject({ code: 0 });
    expect(await runHubctl(rig, ['run', 'get_nodes', '--args', '{"bus": "nope"}'])).toMatchObject({ code: 1 });
    const { commands } = (await runHubctl(rig, 'commands --json')).terminal.json() as { commands: unknown[] };
    expect(commands).toMatchObject([
      { intake: 'local', command: 'get_nodes', status: 'SUCCEEDED' },
      { intake: 'local', command: 'server_info', status: 'SUCCEEDED' },
      { intake: 'local', command: 'get_nodes', outcome: { error: { code: 'invalid_args' } } },
    ]);

    const ping = await runHubctl(rig, 'cloud ping --json');
    expect(ping).toMatchObject({ code: 0 });
    expect(ping.terminal.json()).toMatchObject({
      reached: true,
      dns: { ok: true },
      tcp: { ok: true },
      tls: { ok: true },
      puback: { ok: true },
    });
    expect(rig.reported().session).toBe(status.cloud.session);

    const tracer = createFakeTerminal({ onOut: () => /→ +0 POLL[\s\S]*← +0 ACK/.test(tracer.text()) && tracer.interrupt() });
    expect((await runHubctl(rig, 'bus trace rs485', tracer)).code).toBe(130);
    expect((await runHubctl(rig, 'bus trace rs485 --count 4')).terminal.output).toHaveLength(4);
    expect((await runHubctl(rig, 'bus trace nope')).code).toBe(1);

    const wifi = await runHubctl(rig, ['wifi', 'set', 'Home'], createFakeTerminal({ secret: PASSWORD }));
    expect(wifi.code).toBe(1);
    expect(wifi.terminal.errors.join()).toContain('wifi_unavailable');
    const logs = (await runHubctl(rig, 'logs --lines 2000 --json')).terminal;
    expect(logs.output.map((line) => JSON.parse(line).event)).toEqual(
      expect.arrayContaining(['agent_starting', 'cloud_online', 'control_run']),
    );
    expect([...wifi.terminal.output, ...wifi.terminal.errors, logs.text(), agent.output()].join()).not.toContain(PASSWORD);

    const doctor = await runHubctl(rig, 'doctor --json --check agent,config,files,certificate,dns,port,tls,mqtt,topics,serial,bus');
    expect(doctor.terminal.json()).toEqual({ checks: expect.not.arrayContaining([expect.objectContaining({ status: 'fail' })]) });
  });

  test('follow the log until Ctrl-C, and change its level for a while', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    const seen = Promise.withResolvers<void>();
    const terminal = createFakeTerminal({
      onOut() {
        if (terminal.text().includes('control_log_level')) seen.resolve();
      },
    });
    const following = runHubctl(rig, 'logs --follow --lines 0', terminal);
    // The first line comes from the other terminal, so the stream may begin at any time before.
    const nudge = setInterval(() => void runHubctl(rig, 'loglevel debug --minutes 5'), 200);
    await seen.promise;
    clearInterval(nudge);
    terminal.interrupt();
    expect((await following).code).toBe(130);
    expect((await runHubctl(rig, 'status --json')).terminal.json()).toMatchObject({ agent: { logLevel: 'debug' } });
    await agent.waitFor('control_log_level');
  });

  test('an agent that hangs holds nobody, and does nothing later behind his back', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    agent.pause();
    const bundle = `bundle --output ${join(rig.folder, 'hung.tar.gz')}`;
    // What finds its answers elsewhere too has a code of its own.
    const others: Record<string, number> = { 'cloud ping': 75, 'doctor --check agent,mqtt': 1, [bundle]: 0 };
    // How long each is held, with the start of its process, is the benchmark's figure (`npm run bench -- hubctl`).
    const ended = async (line: string) => [line, (await runHubctl(rig, line)).code];
    expect(await Promise.all(ASKING_THE_AGENT.map(ended))).toEqual(ASKING_THE_AGENT.map((line) => [line, 75]));
    expect(await Promise.all(Object.keys(others).map(ended))).toEqual(Object.entries(others));
    const before = agent.lines.length;
    agent.resume();
    // The agent has worked off its queue when it answers a request that came after it.
    await rig.until('the agent back', () => true);
    const { code, terminal } = await runHubctl(rig, 'status --json');
    expect(code).not.toBe(75);
    expect(terminal.json()).toMatchObject({ agent: { pid: agent.pid, logLevel: 'info' } });
    expect(agent.lines.slice(before).map(({ event }) => event)).not.toEqual(expect.arrayContaining(['control_reset']));
    expect(agent.lines.filter(({ event }) => event === 'command_started')).toEqual([]);
  });

  test('the sockets of a killed agent are taken over, those of a living one are not', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    const second = rig.startAgent();
    await second.waitFor('control_unavailable');
    await second.kill();
    expect((await runHubctl(rig, 'status --json')).terminal.json()).toMatchObject({ agent: { pid: agent.pid } });
    const session = String(rig.reported().session);
    await agent.kill();
    expect((await runHubctl(rig, 'status')).code).toBe(69);
    const third = rig.startAgent();
    await untilOnline(rig, session);
    expect((await runHubctl(rig, 'status --json')).terminal.json()).toMatchObject({ agent: { pid: third.pid } });
    expect(await third.stop()).toBe(0);
    expect((await readdir(rig.folder)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  test('a reset forgets and ends the agent; a factory reset forgets the claim too', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await rig.claim();
    await untilScanned(rig);
    await rig.untilReported('the claim', ({ claim }) => claim !== undefined);
    const state = join(rig.folder, 'state');
    expect((await runHubctl(rig, 'reset --yes')).code).toBe(0);
    expect(await agent.exited).toBe(0);
    expect(await readdir(state)).toEqual(expect.arrayContaining(['claim.json']));
    expect(await readdir(state)).not.toContain('nodes.json');
    const session = String(rig.reported().session);
    const second = rig.startAgent();
    await untilOnline(rig, session);
    expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
    expect(await second.exited).toBe(0);
    expect(await readdir(state)).not.toContain('claim.json');
  });
});

/** Everything in a bundle, as one text. */
async function textOfBundle(path: string): Promise<string> {
  return gunzipSync(await readFile(path)).toString('utf8');
}

/** Puts secrets wherever a careless hand or a bug may have left them. */
async function plantSecrets(rig: Rig): Promise<string[]> {
  const etc = join(rig.folder, 'etc');
  const osdpKey = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
  const privateKey = (await readFile(join(etc, 'private.key'), 'utf8')).split('\n').filter((line) => line.length > 20);
  await writeFile(join(etc, 'keys.json'), JSON.stringify({ 5: osdpKey }), { mode: 0o600 });
  const config = JSON.parse(await readFile(join(etc, 'agent.json'), 'utf8'));
  config.buses = [{ id: 'rs485', protocol: 'osdp', path: 'tty', keysPath: 'keys.json' }];
  config.note = `key ${osdpKey.toUpperCase()}, ${Buffer.from(osdpKey, 'hex').toString('base64')}; wifi password: ${PASSWORD.replaceAll(' ', '-')}`;
  await writeFile(join(etc, 'agent.json'), JSON.stringify(config));
  const commands = join(rig.folder, 'state', 'commands');
  await mkdir(commands, { recursive: true });
  const outcome = { status: 'FAILED', error: { code: 'internal', message: `it said ${privateKey[0]}` } };
  const entry = {
    id: 'shadow-1-00000000',
    intake: 'shadow',
    command: 'x',
    stage: 'finished',
    args: { credentials: PASSWORD },
    receivedAt: 0,
    finishedAt: 0,
    outcome,
  };
  await writeFile(join(commands, 'shadow-1-00000000.json'), JSON.stringify({ format: 1, entry }));
  return [
    osdpKey,
    osdpKey.toUpperCase(),
    Buffer.from(osdpKey, 'hex').toString('base64'),
    PASSWORD,
    PASSWORD.replaceAll(' ', '-'),
    ...privateKey,
  ];
}

describe.concurrent('hubctl bundle', () => {
  test('holds what support needs and no secret, without an agent', async () => {
    await using rig = await createRig();
    const secrets = await plantSecrets(rig);
    const path = join(rig.folder, 'bundle.tar.gz');
    const { code, terminal } = await runHubctl(rig, ['bundle', '--json', '--output', path]);
    expect(terminal.errors).toEqual([]);
    expect(code).toBe(0);
    expect(await modeOf(path)).toBe(0o600);
    const text = await textOfBundle(path);
    for (const secret of secrets) expect(text).not.toContain(secret);
    for (const wanted of [
      rig.hubId,
      'doctor.txt',
      'config/agent.json',
      'logs/agent.jsonl',
      'shadow-1-00000000',
      'fingerprint256',
      'versions.json',
    ])
      expect(text).toContain(wanted);
    expect((await runHubctl(rig, ['bundle', '--output', path])).code).toBe(1);
    execFileSync('tar', ['--list', '--gzip', '--file', path]);
  });

  test('is refused where secrets cannot be read, and says so where it was told to go on', async () => {
    await using rig = await createRig();
    // A folder in the place of the key cannot be read as a file, whoever asks.
    await rm(join(rig.folder, 'etc', 'private.key'));
    await mkdir(join(rig.folder, 'etc', 'private.key'));
    const path = join(rig.folder, 'bundle.tar.gz');
    const refused = await runHubctl(rig, ['bundle', '--output', path]);
    expect(refused.code).toBe(77);
    expect(refused.terminal.errors.join('\n')).toMatch(/private\.key cannot be read.*Nothing was written.*sudo hubctl bundle/s);
    expect(await readdir(rig.folder)).not.toContain('bundle.tar.gz');
    const told = await runHubctl(rig, ['bundle', '--json', '--allow-unknown-secrets', '--output', path]);
    expect(told.code).toBe(0);
    expect(told.terminal.json()).toMatchObject({ unread: [join(rig.folder, 'etc', 'private.key')] });
  });

  test('has the log and the states of a running agent', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig } = world;
    await untilScanned(rig);
    await runHubctl(rig, ['wifi', 'set', 'Home'], createFakeTerminal({ secret: PASSWORD }));
    const path = join(rig.folder, 'bundle.tar.gz');
    expect((await runHubctl(rig, ['bundle', '--output', path])).code).toBe(0);
    const text = await textOfBundle(path);
    expect(text).toContain('cloud_online');
    expect(text).toContain('"nodeId": "rs485/0"');
    expect(text).not.toContain(PASSWORD);
  });
});

test('the password is asked for without an echo, and stands in no argument', async () => {
  await using rig = await createRig();
  const pty = spawnPty(process.execPath, [HUBCTL, 'wifi', 'set', 'Home', ...placesOf(rig)], {
    cols: 80,
    rows: 24,
    env: { ...process.env, NO_COLOR: '1' },
  });
  let shown = '';
  let typed = false;
  const ended = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
  pty.onData((data) => {
    shown += data;
    if (typed || !shown.includes('Password of Home: ')) return;
    typed = true;
    pty.write(`wrong\u0015${PASSWORD}x\u007f\r`);
  });
  expect(await ended).toBe(69);
  expect(shown).toContain('The agent does not run');
  expect(shown).not.toContain('correct');
  expect(shown).not.toContain('wrong');
});

test.each([
  ['a question', ['reset'], 'Type "yes" to continue'],
  ['a question for a password', ['wifi', 'set', 'Home'], 'Password of Home: '],
])('Ctrl-C ends %s, once', async (_what, argv, prompt) => {
  await using rig = await createRig();
  const pty = spawnPty(process.execPath, [HUBCTL, ...argv, ...placesOf(rig)], {
    cols: 80,
    rows: 24,
    env: { ...process.env, NO_COLOR: '1' },
  });
  let shown = '';
  const ended = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
  pty.onData((data) => {
    const before = shown.includes(prompt);
    shown += data;
    if (!before && shown.includes(prompt)) pty.write('\u0003');
  });
  expect(await ended).toBe(130);
});
