import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { matchesGlob, resolve } from 'node:path';
import { expect, test } from 'vitest';

import { nodeFlags } from '../../hil/rig/agent-process.ts';

const UNIT = resolve(import.meta.dirname, '../../../systemd/hub-agent.service');
const MAX_EXPOSURE = 2;

test('systemd finds the exposure of the unit under 2.0', ({ skip }) => {
  const { stdout, error } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', UNIT], { encoding: 'utf8' });
  skip(error !== undefined, 'systemd-analyze is not here');
  const exposure = Number(/Overall exposure level for [^:]*: ([\d.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeLessThan(MAX_EXPOSURE);
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
  expect(unit).not.toMatch(/CacheDirectory|NODE_COMPILE_CACHE/);
  expect(unit).toContain('NODE_DISABLE_COMPILE_CACHE=1');
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
