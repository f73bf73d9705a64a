import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const FOLDER = resolve(import.meta.dirname, '../../../../scripts/package/maintainer');
const TOOLS = [
  'systemctl',
  'systemd-sysusers',
  'systemd-tmpfiles',
  'deb-systemd-helper',
  'deb-systemd-invoke',
  'getent',
  'userdel',
  'groupdel',
  'rm',
  'mv',
  'cp',
  'ln',
  'mkdir',
  'chown',
  'chmod',
];

/** Runs a maintainer script with tools that only note how they were called; gives the calls. `booted`: systemd runs. */
function run(name: string, args: string[], { booted = true, failing = '' } = {}): { calls: string[]; status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'maintainer-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const tool of TOOLS) {
    const call = `${tool} $*`;
    const text = `#!/bin/sh\necho "${call}" >> '${folder}/calls'\ncase "${call}" in *'${failing || 'nothing fails'}'*) exit 1 ;; esac\n`;
    writeFileSync(join(bin, tool), text, { mode: 0o755 });
  }
  writeFileSync(join(folder, 'calls'), '');
  if (booted) mkdirSync(join(folder, 'systemd'));
  const script = readFileSync(join(FOLDER, name), 'utf8').replaceAll('/run/systemd/system', `'${join(folder, 'systemd')}'`);
  const { status } = spawnSync('sh', ['-s', '--', ...args], { input: script, env: { PATH: `${bin}:${process.env.PATH}` } });
  return { calls: readFileSync(join(folder, 'calls'), 'utf8').split('\n').filter(Boolean), status };
}

const at = (calls: string[], text: string) => calls.findIndex((call) => call.includes(text));

test.each([
  ['the first installation', ['configure', ''], 'deb-systemd-invoke start'],
  ['an upgrade', ['configure', '0.9-1'], 'deb-systemd-invoke restart'],
])('%s: the drivers of serial adapters are loaded before the service starts', (_name, args, start) => {
  const { calls, status } = run('postinst', args);
  expect(status).toBe(0);
  const order = [
    'systemd-sysusers',
    'systemd-tmpfiles',
    'daemon-reload',
    'restart systemd-modules-load.service',
    `${start} hub-agent.service`,
  ];
  const places = order.map((text) => at(calls, text));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

test('a driver that cannot be loaded does not hold the installation up', () => {
  const { calls, status } = run('postinst', ['configure', ''], { failing: 'systemd-modules-load' });
  expect(status).toBe(0);
  expect(at(calls, 'deb-systemd-invoke start')).toBeGreaterThan(-1);
});

test('in an image that is being built nothing is loaded or started', () => {
  const { calls, status } = run('postinst', ['configure', ''], { booted: false });
  expect(status).toBe(0);
  expect(calls.filter((call) => /^systemctl|invoke/.test(call))).toEqual([]);
});

test('a purge takes folders, user and group, also a group that outlived its user; a removal takes none', () => {
  expect(run('postrm', ['remove']).calls.filter((call) => /^(rm|userdel|groupdel)/.test(call))).toEqual([]);
  const { calls, status } = run('postrm', ['purge']);
  expect(status).toBe(0);
  const folders =
    '/etc/hub-agent /var/lib/hub-agent /var/lib/hub-agent-releases /var/cache/hub-agent /run/hub-agent /run/hub-agent-release /run/hub-agent-release.refused';
  for (const call of [`rm -rf ${folders}`, 'userdel hub-agent', 'groupdel hub-agent']) expect(calls).toContain(call);
  expect(at(calls, 'userdel')).toBeLessThan(at(calls, 'groupdel'));
  expect(run('postrm', ['purge'], { failing: 'userdel' })).toMatchObject({
    status: 0,
    calls: expect.arrayContaining(['groupdel hub-agent']),
  });
});

const PREPARED = [
  'systemd-sysusers hub-agent.conf',
  'systemd-tmpfiles --create hub-agent.conf',
  'deb-systemd-helper unmask hub-agent.service',
  'deb-systemd-helper --quiet was-enabled hub-agent.service',
  'deb-systemd-helper enable hub-agent.service',
  'deb-systemd-helper unmask hub-agent-update.path',
  'deb-systemd-helper --quiet was-enabled hub-agent-update.path',
  'deb-systemd-helper enable hub-agent-update.path',
  'systemctl --system daemon-reload',
  'systemctl restart systemd-modules-load.service',
  'deb-systemd-invoke start hub-agent-update.path',
];
const RELOADED = ['systemctl --system daemon-reload'];

// Debian Policy 6.6 to 6.8: how dpkg calls the scripts when it upgrades and removes, and when one of the steps fails. These are all calls of
// tools: what is not listed, as `rm` or `userdel`, is not called.
test.each([
  // The way back from an upgrade that failed: the old version runs again, with its own unit.
  ['postinst', ['abort-upgrade', '1.1-1'], [...PREPARED, 'deb-systemd-invoke restart hub-agent.service']],
  // The way back from a removal that failed: `prerm remove` had stopped it.
  ['postinst', ['abort-remove'], [...PREPARED, 'deb-systemd-invoke start hub-agent.service']],
  ['postinst', ['abort-remove', 'in-favour', 'other', '1'], [...PREPARED, 'deb-systemd-invoke restart hub-agent.service']],
  ['postinst', ['abort-deconfigure', 'in-favour', 'other', '1'], []],
  ['postinst', ['triggered', 'ldconfig'], []],
  // An upgrade leaves the service running until `postinst configure`.
  ['prerm', ['upgrade', '1.1-1'], []],
  ['prerm', ['failed-upgrade', '1.0-1'], []],
  ['prerm', ['deconfigure', 'in-favour', 'other', '1'], []],
  ['prerm', ['remove'], ['deb-systemd-invoke stop hub-agent-update.path hub-agent-trial.timer hub-agent-update.service hub-agent.service']],
  ['postrm', ['remove'], [...RELOADED, 'deb-systemd-helper mask hub-agent.service hub-agent-update.path']],
  ['postrm', ['upgrade', '1.1-1'], RELOADED],
  ['postrm', ['failed-upgrade', '1.0-1'], RELOADED],
  ['postrm', ['abort-install'], RELOADED],
  ['postrm', ['abort-install', '1.0-1'], RELOADED],
  ['postrm', ['abort-upgrade', '1.0-1'], RELOADED],
  ['postrm', ['disappear', 'other', '1'], RELOADED],
])('%s %j touches neither configuration nor state nor the user', (name, args, expected) => {
  expect(run(name, args)).toEqual({ calls: expected, status: 0 });
  // Nothing that fails at the service may hold dpkg up.
  expect(run(name, args, { failing: 'hub-agent.service' }).status).toBe(0);
  const inImage = run(name, args, { booted: false });
  expect(inImage).toEqual({ calls: expected.filter((call) => !/^systemctl|^deb-systemd-invoke/.test(call)), status: 0 });
});
