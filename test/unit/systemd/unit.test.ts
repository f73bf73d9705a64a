import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, matchesGlob, resolve } from 'node:path';
import { expect, test } from 'vitest';

import { nodeFlags, unitEnvironment } from '../../hil/rig/agent-process.ts';

const FOLDER = resolve(import.meta.dirname, '../../../systemd');
const UNIT = join(FOLDER, 'hub-agent.service');
const UPDATER = join(FOLDER, 'hub-agent-update.service');

test.each([
  ['agent', UNIT, 2],
  ['updater', UPDATER, 3.5],
])('systemd finds the exposure of the %s under its limit', (_, unit, limit) => {
  const { stdout, error } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', unit], { encoding: 'utf8' });
  if (error !== undefined) return;
  const exposure = Number(/Overall exposure level for [^:]*: ([\d.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeLessThan(limit);
});

test('The updater is root without a network, and writes in two places', () => {
  const lines = readFileSync(UPDATER, 'utf8').split('\n');
  for (const line of ['PrivateNetwork=yes', 'CapabilityBoundingSet=CAP_DAC_OVERRIDE', 'ProtectSystem=strict', 'Type=oneshot'])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.startsWith('ReadWritePaths='))).toEqual([
    'ReadWritePaths=/var/lib/hub-agent-releases',
    'ReadWritePaths=-/var/lib/hub-agent',
  ]);
});

/** Names in /proc/devices, which is `dev_name` of the driver in the kernel's drivers/tty/serial, drivers/usb and of the vendors' trees. */
const SERIAL =
  'ttyS ttyUSB ttyACM ttyAMA ttymxc ttySTM ttyMSM ttyHS ttyO ttyPS ttyTHS ttyFIQ ttySC ttyLP ttyUL ttyGS ttyMV ttySAC ttyAML ttyAT ttyMAX ttySIF';
const OTHERS = 'tty mem pts ptm /dev/tty /dev/console vcs input misc hidraw watchdog ttyprintk gpiochip i2c rtc';

test('It allows the serial ports of every SoC by the class of their driver, and no other device', () => {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  expect(lines).toContain('DevicePolicy=closed');
  const patterns = lines.flatMap((line) => /^DeviceAllow=char-(\S+) rw$/.exec(line)?.[1] ?? []);
  expect(patterns).toHaveLength(lines.filter((line) => line.startsWith('DeviceAllow=')).length);
  const allowed = (name: string) => patterns.some((pattern) => matchesGlob(name, pattern));
  expect(SERIAL.split(' ').filter((name) => !allowed(name))).toEqual([]);
  expect(OTHERS.split(' ').filter(allowed)).toEqual([]);
});

test('Nothing that runs as the agent can leave code that is trusted later, or open the inspector', () => {
  const unit = readFileSync(UNIT, 'utf8');
  expect(nodeFlags()).toEqual(expect.arrayContaining(['--disable-sigusr1', '--disable-proto=delete']));
  expect(readFileSync(join(FOLDER, 'launch'), 'utf8')).toContain('exec "$folder/node" "$@" "$folder/hub-agent.cjs"');
  expect(unit).not.toMatch(/CacheDirectory|NODE_COMPILE_CACHE/);
  expect(unit).toContain('NODE_DISABLE_COMPILE_CACHE=1');
});

test("The SDK does not read the system's authorities, which the agent does not trust", () => {
  expect(unitEnvironment()).toMatchObject({ SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/nonexistent' });
});

test('The unit never gives up, is watched, and has limits', () => {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  for (const line of ['Type=notify', 'Restart=always', 'StartLimitIntervalSec=0', 'User=hub-agent', 'LimitCORE=0'])
    expect(lines).toContain(line);
  for (const key of ['WatchdogSec', 'MemoryMax', 'TasksMax', 'DeviceAllow', 'LoadCredential']) {
    expect(lines.some((line) => line.startsWith(`${key}=`))).toBe(true);
  }
});

test('The unit closes what an agent has no use for', () => {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  const valuesOf = (key: string) => lines.flatMap((line) => (line.startsWith(`${key}=`) ? line.slice(key.length + 1).split(' ') : []));
  // Swapped-out keys and passwords would stay on the disk.
  expect(valuesOf('MemorySwapMax')).toEqual(['0']);
  expect(valuesOf('InaccessiblePaths').sort()).toEqual(['-/boot', '-/efi', '-/media', '-/mnt', '-/srv']);
  expect(valuesOf('SocketBindDeny')).toEqual(['1-65535']);
  expect(valuesOf('SocketBindAllow')).toEqual([]);
  expect(valuesOf('IPAddressDeny').sort()).toEqual(['169.254.0.0/16', 'multicast']);
  expect(valuesOf('IPAddressAllow')).toEqual([]);
});
