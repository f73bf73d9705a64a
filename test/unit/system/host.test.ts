import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHostFacts, type HostFactsDeps } from '../../../agent/system/linux/host-linux.ts';

type Kernel = NonNullable<HostFactsDeps['kernel']>;

const NOW_MS = Date.UTC(2026, 5, 1);
const UPTIME_SECONDS = 86_400;
const TREE: Record<string, string> = {
  'etc/os-release': `# comment\nPRETTY_NAME="Debian \\"GNU\\" 12"\nVERSION_ID='12'\nID=debian\n`,
  'proc/uptime': `${UPTIME_SECONDS}.42 1000.00\n`,
  'proc/loadavg': '0.361 0.14 1.07 1/93 6894\n',
  'proc/meminfo': 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     500 kB\n',
  'proc/sys/kernel/hostname': 'hub-7\n',
  'proc/sys/kernel/osrelease': '6.1.0-18-arm64\n',
  'proc/sys/kernel/random/boot_id': '1abbb859-9eb3-4155-ba22-6c739d807744\n',
  'sys/class/thermal/thermal_zone0/temp': '48312\n',
  'sys/class/thermal/thermal_zone1/temp': '51987\n',
  'sys/class/thermal/thermal_zone2/temp': '-274000\n',
  'sys/class/thermal/thermal_zone3/temp': 'broken\n',
  'sys/class/thermal/cooling_device0/temp': '99000\n',
  'sys/class/net/lo/type': '772\n',
  'sys/class/net/lo/address': '00:00:00:00:00:00\n',
  'sys/class/net/lo/operstate': 'unknown\n',
  'sys/class/net/docker0/address': '02:42:ac:11:00:01\n',
  'sys/class/net/docker0/operstate': 'up\n',
  'sys/class/net/eth0/address': '02:fc:00:00:00:01\n',
  'sys/class/net/eth0/operstate': 'down\n',
  'sys/class/net/eth0/device/vendor': 'x\n',
  'sys/class/net/wlan0/address': '02:fc:00:00:00:02\n',
  'sys/class/net/wlan0/operstate': 'up\n',
  'sys/class/net/wlan0/device/vendor': 'x\n',
  'sys/class/net/wlan0/phy80211/name': 'phy0\n',
  'sys/class/net/tun0/address': '00:00:00:00:00:00\n',
  'sys/class/net/tun0/operstate': 'unknown\n',
  'sys/class/net/bonding_masters': '\n',
};

const address = (cidr: string) => ({ cidr, address: cidr.split('/')[0] }) as never;
const kernel: Kernel = {
  hostname: () => 'other',
  release: () => 'other',
  uptime: () => 7.9,
  totalmem: () => 4096,
  loadavg: () => [3, 2, 1],
  networkInterfaces: () => ({
    wlan0: [address('fe80::1/64'), address('2001:db8::2/64'), address('192.0.2.7/24')],
    docker0: [address('172.17.0.1/16')],
  }),
};
const fails = () => {
  throw new Error('not permitted');
};
const deaf: Kernel = { hostname: fails, release: fails, uptime: fails, totalmem: fails, loadavg: fails, networkInterfaces: fails };

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'host-facts-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

const facts = (deps: Partial<HostFactsDeps> = {}) =>
  createHostFacts({ wallClock: { nowMs: () => NOW_MS }, stateDirectory: root, root, kernel, ...deps });

test('a host is described from its files', async () => {
  await put(TREE);
  const report = await facts().collect();
  expect(report).toMatchObject({
    hostname: 'hub-7',
    osName: 'Debian "GNU" 12',
    osVersion: '12',
    kernel: '6.1.0-18-arm64',
    arch: process.arch,
    nodeVersion: process.versions.node,
    bootId: '1abbb859-9eb3-4155-ba22-6c739d807744',
    uptimeSeconds: UPTIME_SECONDS,
    memory: { totalBytes: 1_024_000, availableBytes: 512_000 },
    load: [0.36, 0.14, 1.07],
    temperatureCelsius: 52,
    clockSynchronized: null,
  });
  expect(report.memory.agentRssBytes).toBeGreaterThan(0);
  expect(report.disk.totalBytes).toBeGreaterThanOrEqual(report.disk.availableBytes!);
});

test('interfaces: hardware first, then those that are up, without loopback; IPv4 before IPv6 before link-local', async () => {
  await put(TREE);
  const { interfaces } = await facts().collect();
  expect(interfaces).toEqual([
    {
      name: 'wlan0',
      mac: '02:fc:00:00:00:02',
      state: 'up',
      wireless: true,
      addresses: ['192.0.2.7/24', '2001:db8::2/64', 'fe80::1/64'],
    },
    { name: 'eth0', mac: '02:fc:00:00:00:01', state: 'down', wireless: false, addresses: [] },
    { name: 'docker0', mac: '02:42:ac:11:00:01', state: 'up', wireless: false, addresses: ['172.17.0.1/16'] },
    { name: 'tun0', mac: null, state: 'unknown', wireless: false, addresses: [] },
  ]);
});

test('a service that may not see /proc asks the kernel', async () => {
  await put({ 'usr/lib/os-release': 'NAME=Yocto\n' });
  const report = await facts().collect();
  expect(report).toMatchObject({ hostname: 'other', kernel: 'other', osName: 'Yocto', uptimeSeconds: 7, load: [3, 2, 1] });
  expect(report.memory).toMatchObject({ totalBytes: 4096, availableBytes: null });
});

test('what cannot be known is null, and nothing throws', async () => {
  const report = await facts({ kernel: deaf, stateDirectory: join(root, 'missing') }).collect();
  const { arch: _arch, nodeVersion: _node, processUptimeSeconds: _uptime, memory, disk, ...rest } = report;
  expect(Object.values(rest).every((value) => value === null)).toBe(true);
  expect(memory).toMatchObject({ totalBytes: null, availableBytes: null });
  expect(disk).toEqual({ totalBytes: null, availableBytes: null });
});

test('addresses are unknown when the kernel does not tell them', async () => {
  await put(TREE);
  const { interfaces } = await facts({ kernel: deaf }).collect();
  expect(interfaces!.map((entry) => entry.addresses)).toEqual([null, null, null, null]);
});

test('files with nonsense are unknown', async () => {
  await put({ 'proc/uptime': 'soon', 'proc/loadavg': 'a b c', 'proc/meminfo': 'MemTotal: lots', 'etc/os-release': '=\n"\nPRETTY_NAME=\n' });
  const report = await facts({ kernel: deaf }).collect();
  expect(report).toMatchObject({ uptimeSeconds: null, load: null, osName: null, memory: { totalBytes: null } });
});

const MARK = 'run/systemd/timesync/synchronized';
const DRIFT = 'var/lib/chrony/chrony.drift';
const BOOT_MS = NOW_MS - UPTIME_SECONDS * 1000;

test.each<[string, Record<string, string>, number, boolean | null]>([
  ['timesyncd has synchronised', { [MARK]: '' }, 0, true],
  ['timesyncd runs and has not', { 'run/systemd/timesync/other': '' }, 0, false],
  ['no time service', {}, 0, null],
  ['chrony wrote its drift since boot', { [DRIFT]: '1 2' }, NOW_MS - 3_600_000, true],
  ['chrony wrote its drift before boot', { [DRIFT]: '1 2' }, BOOT_MS - 1000, null],
  ['chrony wrote its drift when it stopped, and the clock started there', { [DRIFT]: '1 2' }, BOOT_MS + 2000, null],
  ['chrony wrote its drift in what is now the future', { [DRIFT]: '1 2' }, NOW_MS + 1000, null],
])('clock: %s', async (_case, files, modifiedMs, expected) => {
  await put({ 'proc/uptime': TREE['proc/uptime']!, ...files });
  if (DRIFT in files) await utimes(join(root, DRIFT), modifiedMs / 1000, modifiedMs / 1000);
  expect(await facts().clockSynchronized()).toBe(expected);
});
