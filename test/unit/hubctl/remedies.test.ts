import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isDiskLow, isMemoryLow } from '../../../agent/health/limits.ts';
import type { HubctlPorts } from '../../../agent/hubctl/cli/command.ts';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { nodesScreen } from '../../../agent/hubctl/commands/nodes.ts';
import { releaseCommand } from '../../../agent/hubctl/doctor/holders.ts';
import { widthOf } from '../../../agent/hubctl/terminal/text.ts';
import { bareMachine } from './bare-machine.ts';
import { createFakeTerminal } from './fake-terminal.ts';
import { HEALTHY, NODES, NOW_MS } from './fixtures.ts';

/** A hub whose agent answers what a test wants, and hubctl on it. */
async function createHub(answer: (path: string) => unknown, config: Record<string, unknown> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hubctl-remedies-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'agent.json'), JSON.stringify({ ...config, local: { socketPath: 'control.sock' } }));
  await writeFile(join(folder, 'identity.json'), '{}');
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.end(JSON.stringify(answer(url)));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'control.sock'), resolve));
  onTestFinished(() => void server.close());
  return {
    asked,
    async run(line: string, ports: Partial<HubctlPorts> = {}, terminal = createFakeTerminal()) {
      const places = ['--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
      const code = await hubctl([...line.split(' '), ...places], terminal, { ...bareMachine(folder), ...ports });
      return { code, terminal };
    },
  };
}

const MESSAGE = 'The Wi-Fi radio is switched off (rfkill). Run `rfkill unblock wifi`.';
test.each([
  ['no_device', null, 'warn', 'nmcli device; sudo dmesg | grep -i firmware'],
  ['other_device', 'wlan0', 'fail', 'nmcli device; sudo dmesg | grep -i firmware'],
  ['radio_software', 'wlan0', 'fail', 'sudo nmcli radio wifi on; sudo rfkill unblock wifi'],
  ['not_running', null, 'fail', 'sudo systemctl enable --now NetworkManager'],
  ['unmanaged', 'wlan0', 'fail', 'sudo nmcli device set wlan0 managed yes'],
  ['not_allowed', null, 'fail', 'sudo dpkg -i hub-agent_*.deb; sudo apt-get install polkitd'],
  // Words decide nothing: an agent that says no reason, or one that is not known here, is told as it is.
  [undefined, null, 'fail', 'systemctl status NetworkManager; nmcli device status'],
  ['meteor', null, 'fail', 'systemctl status NetworkManager; nmcli device status'],
])('Wi-Fi: %s', async (reason, device, status, remedy) => {
  const report = { connection: null, credentialsSet: null, problem: MESSAGE, device, ...(reason && { reason }) };
  const { run } = await createHub((path) => (path === '/v1/wifi' ? report : HEALTHY));
  const { terminal } = await run('doctor --json --check wifi');
  expect(terminal.json()).toMatchObject({ checks: [{ status, remedy, code: expect.stringMatching(/^wifi_/) }] });
});

test.each([
  [false, 'wifi_not_joined', /the agent joins it again/],
  [true, 'wifi_disconnected_by_hand', /^sudo nmcli device connect wlan0$/],
])('Wi-Fi: a known network in reach that is not joined (told to: %s)', async (byHand, code, remedy) => {
  const notJoined = { ssid: 'Site 12', device: 'wlan0', byHand };
  const report = { connection: null, credentialsSet: true, problem: null, notJoined };
  const { run } = await createHub((path) => (path === '/v1/wifi' ? report : HEALTHY));
  const doctor = await run('doctor --json --check wifi');
  expect(doctor.terminal.json()).toMatchObject({
    checks: [{ status: 'warn', code, subject: 'wlan0', remedy: expect.stringMatching(remedy) }],
  });
  const status = await run('wifi status');
  expect(status.terminal.text()).toContain('none, although Site 12 is known and in reach: see hubctl doctor');
});

test('what holds a serial port is kept away by its own name; what is not known is looked at before it is ended', () => {
  const holders = [
    { pid: 7, name: 'agetty' },
    { pid: 8, name: 'ModemManager' },
    { pid: 9, name: 'brltty' },
    { pid: 10, name: 'minicom' },
  ];
  expect(releaseCommand(holders, '/dev/ttyUSB0')).toBe(
    'sudo systemctl disable --now serial-getty@ttyUSB0; sudo systemctl disable --now ModemManager; sudo systemctl disable --now brltty; See what it is: ps -p 10 -o args=; systemctl status 10. Then stop its service, or end the program.',
  );
});

test('a serial port that the unit of the service refuses: the finding says so, and the remedy names its class', async () => {
  const error = { code: 'bus_unavailable' as const, message: 'refused', reason: 'unit' };
  const refused = {
    ...HEALTHY,
    nodes: { ...HEALTHY.nodes, available: 0 },
    buses: [{ ...HEALTHY.buses[0]!, state: 'unavailable' as const, error }],
  };
  const buses = [{ id: 'rs485', protocol: 'osdp', path: '/dev/full' }];
  const { run } = await createHub(() => refused, { buses });
  const { terminal } = await run('doctor --json --check serial', { processFolder: '/nowhere' });
  const { checks } = terminal.json() as { checks: { status: string; finding: string; remedy: string }[] };
  expect(checks).toMatchObject([{ status: 'fail', finding: expect.stringContaining('the unit of the service refuses /dev/full') }]);
  expect(checks[0]!.remedy).toContain('DeviceAllow=char-mem rw');
});

test('exceptions that the agent caught, and log lines that were lost, are told by doctor and status', async () => {
  const faults = [{ place: 'cloud message', count: 3, lastAt: NOW_MS }];
  const ill = { ...HEALTHY, agent: { ...HEALTHY.agent, faults, logOutput: { droppedLines: 7, failing: 'ENOSPC' } } };
  const { run } = await createHub(() => ill);
  const doctor = await run('doctor --json --check agent');
  const { checks } = doctor.terminal.json() as { checks: { status: string; finding: string }[] };
  expect(checks.map(({ status }) => status)).toEqual(['warn', 'warn']);
  expect(checks[0]!.finding).toContain('cloud message: 3');
  expect(checks[1]!.finding).toContain('the disk is full');
  const status = await run('status');
  expect(status.terminal.text()).toContain('cloud message: 3');
  expect(status.terminal.text()).toContain('7 lines of the log');
});

test('a running agent that is not started with the hub', async () => {
  const { run } = await createHub(() => HEALTHY);
  const disabled = { unitFileState: 'disabled' } as Awaited<ReturnType<HubctlPorts['service']>>;
  const { terminal } = await run('doctor --json --check agent', { service: async () => disabled });
  expect(terminal.json()).toMatchObject({ checks: [{ status: 'ok' }, { status: 'warn', remedy: 'sudo systemctl enable hub-agent' }] });
});

test('an agent that comes near the limit from which the kernel slows it down', async () => {
  const { run } = await createHub(() => ({ ...HEALTHY, agent: { ...HEALTHY.agent, rssBytes: 185_000_000 } }));
  const { terminal } = await run('doctor --json --check memory');
  expect(JSON.stringify(terminal.json())).toContain('the agent uses 185 MB');
});

test('one bus can be watched', async () => {
  const { run, asked } = await createHub(() => NODES);
  const terminal = createFakeTerminal({ onOut: () => terminal.interrupt() });
  await run('nodes --watch --bus rs485', {}, terminal);
  expect(asked).toEqual(['/v1/nodes?bus=rs485']);
});

test('the fault of a bus is shown whole', () => {
  const message = '/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3D4-if00-port0 is in use by another program';
  const error = { code: 'bus_unavailable' as const, message };
  const result = { ...NODES, buses: [{ id: 'rs485', protocol: 'osdp' as const, state: 'unavailable' as const, error }] };
  const lines = nodesScreen(result, NOW_MS, 60, (_colour, text) => text);
  expect(lines.join('').replace(/\s/g, '')).toContain(message.replace(/\s/g, ''));
  for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(60);
});

test('room is low by its size or by its share; what is not known is not low', () => {
  expect([isDiskLow(40e6, 100e6), isDiskLow(300e6, 8e9), isDiskLow(900e6, 8e9), isDiskLow(null, 8e9)]).toEqual([true, true, false, false]);
  expect([isMemoryLow(30e6, 100e6), isMemoryLow(40e6, 1e9), isMemoryLow(60e6, 1e9), isMemoryLow(null, null)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('an unavailable bus of a port that is not there is a consequence: what to do stands with the port', async () => {
  const error = { code: 'bus_unavailable' as const, message: '/dev/none does not exist', reason: 'missing' as const };
  const bus = { ...HEALTHY.buses[0]!, state: 'unavailable' as const, error };
  const answer = (path: string) =>
    path.startsWith('/v1/nodes')
      ? { ...NODES, nodes: [], buses: [bus] }
      : { ...HEALTHY, buses: [bus], nodes: { ...HEALTHY.nodes, available: 0 } };
  const { run } = await createHub(answer, { buses: [{ id: 'rs485', protocol: 'osdp', path: '/dev/none' }] });
  const { terminal } = await run('doctor --json --check serial,bus');
  expect(terminal.json()).toMatchObject({
    checks: [
      { check: 'serial', code: 'port_missing', subject: 'rs485' },
      { check: 'bus', status: 'fail', code: 'bus_unavailable', causedBy: { check: 'serial', code: 'port_missing' } },
    ],
  });
  const screen = await run('doctor --check serial,bus');
  expect(screen.terminal.text().match(/ do {2}/g)).toHaveLength(1);
  expect(screen.terminal.text()).toContain('Caused by the finding of the check "serial".');
});
