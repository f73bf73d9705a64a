import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createHubctlPorts } from '../../../../agent/compose/hubctl-ports.ts';
import { ANSWER_TIMEOUT_MS } from '../../../../agent/hubctl/cli/client.ts';
import type { HubctlPorts } from '../../../../agent/hubctl/cli/command.ts';
import { EXIT } from '../../../../agent/hubctl/cli/exit-codes.ts';
import { hubctl } from '../../../../agent/hubctl/cli/hubctl.ts';
import { isAtRest, parseService, type ServiceState, SILENT_SYSTEMD } from '../../../../agent/hubctl/machine/service-state.ts';
import { createFakeTerminal } from '../fake-terminal.ts';

const HANGS = 'exec sleep 60';
const answers = (text: string) => `printf '%s\\n' '${text}'`;

/** A machine with these programs, a folder for a hub, and no agent. */
async function createMachine(programs: Record<string, string>, { booted = true, pids = null as string | null } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hubctl-service-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [bin, cgroupFolder, systemdFolder] = ['bin', 'cgroup', 'systemd'].map((name) => join(folder, name)) as [string, string, string];
  const group = join(cgroupFolder, 'system.slice', 'hub-agent.service');
  await Promise.all([mkdir(bin), mkdir(group, { recursive: true }), booted && mkdir(systemdFolder), mkdir(join(folder, 'state'))]);
  await Promise.all([
    writeFile(join(cgroupFolder, 'cgroup.controllers'), ''),
    pids !== null && writeFile(join(group, 'cgroup.procs'), pids),
    writeFile(join(folder, 'agent.json'), JSON.stringify({ local: { socketPath: 'control.sock' }, stateDirectory: 'state' })),
    writeFile(join(folder, 'identity.json'), '{}'),
    writeFile(join(folder, 'state', 'claim.json'), '{}'),
    ...Object.entries(programs).map(([name, text]) => writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })),
  ]);
  const machine = { env: { PATH: `${bin}:/usr/bin:/bin` }, systemdFolder, cgroupFolder, etc: folder };
  return {
    folder,
    cgroupFolder,
    ports: (changes: Parameters<typeof createHubctlPorts>[0] = {}) => createHubctlPorts({ ...machine, ...changes }),
    async run(line: string, ports: Partial<HubctlPorts> = {}, columns = 80) {
      const terminal = createFakeTerminal({ columns });
      const places = ['--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
      const code = await hubctl([...line.split(' '), ...places], terminal, { ...createHubctlPorts(machine), ...ports });
      return { code, terminal };
    },
  };
}

const state = (changes: Partial<ServiceState>): ServiceState => ({
  ...SILENT_SYSTEMD,
  loadState: 'loaded',
  activeState: 'inactive',
  subState: 'dead',
  result: 'success',
  ...changes,
});

test('only three things prove that there is no service', async () => {
  const running = answers('LoadState=loaded\nActiveState=active');
  expect(await (await createMachine({ systemctl: running }, { booted: false })).ports().service()).toBeNull();
  expect(await (await createMachine({ systemctl: answers('LoadState=not-found\nActiveState=inactive') })).ports().service()).toBeNull();
  const { ports, folder } = await createMachine({});
  expect(await ports({ env: { PATH: join(folder, 'bin') } }).service()).toBeNull();
});

test.each([
  ['that hangs', HANGS],
  ['whose bus is not reachable', 'echo "Failed to connect to bus" >&2; exit 1'],
  ['that says nothing', 'exit 0'],
])('a systemctl %s is silence', async (_what, systemctl) => {
  const { ports, cgroupFolder } = await createMachine({ systemctl }, { pids: '' });
  const service = () => ports({ helperTimeoutMs: 150 }).service();
  expect(await service()).toEqual({ ...SILENT_SYSTEMD, pid: 0 });
  expect(isAtRest(await service())).toBe(true);
  await writeFile(join(cgroupFolder, 'system.slice', 'hub-agent.service', 'cgroup.procs'), '4711\n4712\n');
  expect(await service()).toEqual({ ...SILENT_SYSTEMD, pid: 4711 });
  expect(isAtRest(await service())).toBe(false);
  // systemd removes the group of a service at rest; on a machine without this hierarchy nobody says.
  await rm(join(cgroupFolder, 'system.slice'), { recursive: true });
  expect(await service()).toMatchObject({ pid: 0 });
  await rm(join(cgroupFolder, 'cgroup.controllers'));
  expect(await service()).toEqual(SILENT_SYSTEMD);
  expect(isAtRest(await service())).toBe(false);
});

test.each(['masked', 'error', 'bad-setting'])('a unit that is %s has a state, and maybe a process', (loadState) => {
  expect(parseService(`LoadState=${loadState}\nActiveState=active`)).toMatchObject({ loadState, activeState: 'active' });
  expect(isAtRest(parseService(`LoadState=${loadState}\nActiveState=active`))).toBe(false);
});

test('a unit whose file was removed while it runs, runs', () => {
  expect(isAtRest(parseService('LoadState=not-found\nActiveState=active'))).toBe(false);
});

test('a condition that was never asked has not failed', () => {
  const failed = 'LoadState=loaded\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=';
  expect(parseService(`${failed}0`)).toMatchObject({ conditionFailed: false });
  expect(parseService(`${failed}815`)).toMatchObject({ conditionFailed: true });
});

test('a reset forgets nothing while the agent may run', async () => {
  const { run, folder, cgroupFolder } = await createMachine({ systemctl: 'exit 1' }, { pids: '4711\n' });
  const claim = () => readFile(join(folder, 'state', 'claim.json'), 'utf8');
  const { code, terminal } = await run('reset --factory --yes', {}, 60);
  expect(code).toBe(EXIT.hung);
  expect(terminal.errors.join(' ')).toBe(
    'hubctl: systemd does not answer, so the agent may be running: nothing was deleted. Try again, or: sudo systemctl --force --force reboot',
  );
  for (const line of terminal.errors) expect(line.length).toBeLessThanOrEqual(60);
  const json = await run('reset --factory --yes --json');
  expect(json.terminal.json()).toMatchObject({ error: { code: 'systemd_silent' } });
  expect(await claim()).toBe('{}');
  await writeFile(join(cgroupFolder, 'system.slice', 'hub-agent.service', 'cgroup.procs'), '');
  expect((await run('reset --factory --yes')).code).toBe(EXIT.ok);
  await expect(claim()).rejects.toThrow('ENOENT');
});

const AGENT = 'doctor --json --check agent';
test.each<[string, ServiceState, string | RegExp, string]>([
  ['a silent systemd', SILENT_SYSTEMD, /its control socket is closed, .* systemd does not answer/, 'sudo systemctl --force --force reboot'],
  [
    'a silent systemd, and a process',
    { ...SILENT_SYSTEMD, pid: 42 },
    'it runs (pid 42), and its control socket is closed, and systemd does not answer',
    'sudo systemctl --force --force reboot',
  ],
  [
    'a crash loop',
    state({ activeState: 'activating', subState: 'auto-restart', restarts: 17 }),
    'it ends and is started again (17 times)',
    'sudo hubctl config check; sudo journalctl -u hub-agent -n 50',
  ],
  [
    'a hub without an identity',
    state({ conditionFailed: true }),
    'this hub was not flashed: /etc/hub-agent/identity.json is missing',
    'ls -l /etc/hub-agent',
  ],
  [
    'a masked unit',
    state({ loadState: 'masked', unitFileState: 'masked' }),
    'it does not run: it is masked',
    'sudo systemctl unmask hub-agent; sudo systemctl start hub-agent',
  ],
  ['a disabled unit', state({ unitFileState: 'disabled' }), /does not run/, 'sudo systemctl enable --now hub-agent'],
  [
    'an agent that died',
    state({ activeState: 'failed', result: 'exit-code', exitStatus: 78 }),
    /exit status 78/,
    'sudo hubctl config check; sudo journalctl -u hub-agent -n 200 -o cat; sudo systemctl restart hub-agent',
  ],
])('the doctor names %s', async (_what, service, finding, remedy) => {
  const { run } = await createMachine({});
  const { terminal } = await run(AGENT, { service: async () => service });
  const expected = typeof finding === 'string' ? finding : expect.stringMatching(finding);
  expect(terminal.json()).toMatchObject({ checks: [{ check: 'agent', status: 'fail', finding: expected, remedy }] });
});

test('a hub that was flashed after the start only has to be started', async () => {
  const { run, folder } = await createMachine({});
  await mkdir(join(folder, 'hub-agent'));
  await writeFile(join(folder, 'hub-agent', 'identity.json'), '{}');
  const { terminal } = await run(AGENT, { service: async () => state({ conditionFailed: true }) });
  expect(terminal.json()).toMatchObject({ checks: [{ remedy: 'sudo systemctl start hub-agent' }] });
});

test('a silent systemd keeps the history of the agent to itself', async () => {
  const { run } = await createMachine({});
  const { terminal } = await run('doctor --json --check watchdog', { service: async () => SILENT_SYSTEMD, journal: async () => false });
  expect(terminal.json()).toMatchObject({ checks: [{ status: 'warn', finding: expect.stringContaining('systemd does not answer') }] });
});

test('status shows a systemd that does not answer, and the process all the same', async () => {
  const { run } = await createMachine({ systemctl: HANGS }, { pids: '4711\n' });
  const { terminal } = await run('status');
  expect(terminal.text()).toContain('unknown: systemd does not answer; it runs, pid 4711');
});

test.concurrent.each([
  ['status', EXIT.hung],
  ['logs', EXIT.hung],
  ['doctor --check agent,watchdog', EXIT.bad],
])('with an agent and a systemd that both hang, what %s waits for adds up to less than 5 s', async (line, expected) => {
  const { run, folder, ports } = await createMachine({ systemctl: HANGS, journalctl: HANGS }, { pids: '4711\n' });
  // When each wait ends at the latest, counted from the start of the command: after the agent was given up, or beside it.
  const ends: number[] = [];
  let givenUpMs = 0;
  const wait = (timeoutMs: number) => void ends.push(givenUpMs + timeoutMs);
  const server = createServer((socket) => {
    wait(ANSWER_TIMEOUT_MS);
    socket.on('error', () => {});
    socket.once('close', () => {
      givenUpMs = ANSWER_TIMEOUT_MS;
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'control.sock'), resolve));
  const helperTimeoutMs = 3_000;
  const real = ports({ helperTimeoutMs });
  const { code } = await run(line, {
    service(timeoutMs = helperTimeoutMs) {
      wait(timeoutMs);
      return real.service(timeoutMs);
    },
    journal(options, onLine) {
      wait(options.timeoutMs ?? helperTimeoutMs);
      return real.journal(options, onLine);
    },
  });
  server.close();
  expect(code).toBe(expected);
  expect(ends.length).toBeGreaterThan(1);
  expect(Math.max(...ends)).toBeLessThan(5_000);
});

test('a journal that does not answer is not called empty', async () => {
  const { run } = await createMachine({ journalctl: HANGS });
  const { terminal } = await run('logs');
  expect(terminal.errors.join(' ')).toContain("The system's journal does not answer either.");
});

test('an empty journal is empty to root, and closed to others', async () => {
  const { run } = await createMachine({ journalctl: 'exit 0' });
  expect((await run('logs', { isRoot: true })).terminal.errors.join(' ')).toContain('has nothing either');
  expect((await run('logs', { isRoot: false })).terminal.errors.join(' ')).toContain('shows nothing to this user: sudo hubctl logs');
});
