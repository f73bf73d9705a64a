import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { forgetCache } from '../../../agent/hubctl/machine/forget-cache.ts';
import { forgetKeys } from '../../../agent/hubctl/machine/forget-keys.ts';
import { forgetState } from '../../../agent/state/forget-state.ts';
import { STATE_LAYOUT } from '../../../agent/state/layout.ts';
import { isAgentProfile, MACHINE_LAYOUT } from '../../../agent/state/machine-layout.ts';
import { createFiles } from '../../../agent/system/files.ts';
import { createPaths } from '../../../agent/system/paths.ts';
import { rootTarget } from '../../../scripts/flash/root-target.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const POSTRM = resolve(import.meta.dirname, '../../../scripts/package/maintainer/postrm');
/** Stands in every file of the former owner. */
const OWNER = 'former-owner';
const A = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const B = 'a94c1be0-77d1-4c36-b2aa-5d0e6e21c7f4';
const PROFILES = 'etc/NetworkManager/system-connections';
const CLAIM = { orgId: OWNER, siteId: OWNER, claimedBy: OWNER, claimedAt: 1 };
const profile = (id: string, psk: string) => `[connection]\nid=${id}\nuuid=1\n\n[wifi-security]\npsk=${psk}\n`;

/** A name for each entry of a layout: the prefix of a pattern, and something behind it. */
const example = (name: string) => (name.endsWith('*') ? `${name.slice(0, -1)}${OWNER}` : name);
const isFolder = (name: string) => name === 'commands';

let root: string;
const put = async (path: string, text: string) => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text, { mode: 0o600 });
};

/** All that a hub can remember, each with a trace of its owner. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hub-hands-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const { name } of STATE_LAYOUT.filter(({ name }) => !name.startsWith('reset-asked-'))) {
    await put(`var/lib/hub-agent/${example(name)}${isFolder(name) ? '/c1.json' : ''}`, OWNER);
  }
  await put('var/lib/hub-agent/claim.json', JSON.stringify(CLAIM));
  await put('var/lib/hub-agent/claim.json.0123456789ab.tmp', OWNER);
  await put('var/lib/hub-agent/of-a-later-version.json', OWNER);
  await put('var/cache/hub-agent/v24/code', OWNER);
  await put('etc/hub-agent/keys/rs485', OWNER);
  await put('etc/hub-agent/credentials-0123456789abcdef/private-key.pem', OWNER);
  await put('etc/hub-agent/identity.json', JSON.stringify({ hubId: A }));
  await put('etc/hub-agent/agent.json', '{}');
  await put(`${PROFILES}/hub-agent Home.nmconnection`, profile('hub-agent Home', OWNER));
  await put(`${PROFILES}/renamed.nmconnection`, `# by hand\n${profile('hub-agent Office', OWNER)}`);
  await put(`${PROFILES}/factory.nmconnection`, profile('Factory', 'of-the-image'));
});

/** The files that still show the owner, by their names too. */
async function traces(): Promise<string[]> {
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const texts = await Promise.all(files.map((path) => readFile(path, 'utf8')));
  return files.filter((path, index) => path.includes(OWNER) || texts[index]!.includes(OWNER)).map((path) => path.slice(root.length + 1));
}

test('a board that is flashed as another hub keeps nothing of the former one', async () => {
  expect((await traces()).length).toBeGreaterThan(12);
  await rootTarget(root).write(B, [{ name: 'identity.json', mode: 0o640, data: Buffer.from(JSON.stringify({ hubId: B })) }]);
  expect(await traces()).toEqual([]);
  expect(await readdir(join(root, PROFILES))).toEqual(['factory.nmconnection']);
});

test('flashed as the same hub again, it keeps all', async () => {
  const before = await traces();
  await rootTarget(root).write(A, [{ name: 'identity.json', mode: 0o640, data: Buffer.from(JSON.stringify({ hubId: A })) }]);
  expect(await traces()).toEqual(before);
});

/** The maintainer's script of the package, below the root. */
async function purge() {
  const script = (await readFile(POSTRM, 'utf8'))
    .replaceAll('deb-systemd-helper', ':')
    .replace(/(^|\s)\/(etc|var|run)\//g, `$1'${root}'/$2/`);
  return spawnSync('sh', ['-s', '--', 'purge'], {
    input: `userdel() { :; }\ngroupdel() { :; }\nnmcli() { :; }\n${script}`,
    encoding: 'utf8',
  });
}

test('a purge takes all places of the list, and no profile of others', async () => {
  const { status, stderr } = await purge();
  expect([status, stderr]).toEqual([0, '']);
  expect(await traces()).toEqual([]);
  expect(await readdir(join(root, PROFILES))).toEqual(['factory.nmconnection']);
  for (const { path, forgottenBy } of MACHINE_LAYOUT)
    if (forgottenBy === 'purge') await expect(readdir(join(root, path))).rejects.toThrow('ENOENT');
});

test('a factory reset takes the state and the keys; NetworkManager is told to forget the profiles', async () => {
  const state = join(root, 'var/lib/hub-agent');
  await forgetState(createFiles(), state, 'factory', createFakeLog());
  const stays = STATE_LAYOUT.filter(({ forgottenBy }) => forgottenBy === 'replace').map(({ name }) => example(name));
  const left = await readdir(state);
  expect(left.filter((name) => !stays.includes(name) && !/^forgotten-claim-[0-9a-f]{64}$/.test(name))).toEqual([]);
  expect(left).toContain('forget-wifi');
  await forgetCache(state);
  expect((await traces()).filter((path) => path.startsWith('var/cache'))).toEqual([]);
  expect(
    await forgetKeys(join(root, 'etc/hub-agent/agent.json'), ['/elsewhere/keys.json'], { files: createFiles(), paths: createPaths() }),
  ).toEqual({
    removed: [join(root, 'etc/hub-agent/keys/rs485')],
    left: ['/elsewhere/keys.json'],
  });
});

test('a reset of what was learnt takes that alone', async () => {
  const state = join(root, 'var/lib/hub-agent');
  await forgetState(createFiles(), state, 'state', createFakeLog());
  const left = await readdir(state);
  for (const { name, forgottenBy } of STATE_LAYOUT) {
    if (name.startsWith('reset-asked-')) continue;
    expect(left.includes(example(name)), name).toBe(forgottenBy !== 'state');
  }
});

test('no cache is looked for beside another state directory', async () => {
  await put('srv/lib/hub-agent/x', OWNER);
  await put('srv/cache/hub-agent/x', OWNER);
  await put('var/cache/other/x', OWNER);
  for (const other of ['srv/lib/hub-agent', 'var/lib/other', 'var/lib/hub-agent/..']) await forgetCache(`${root}/${other}`);
  expect(await traces()).toEqual(expect.arrayContaining(['srv/cache/hub-agent/x', 'var/cache/other/x', 'var/cache/hub-agent/v24/code']));
});

const PROFILE_CASES: readonly [what: string, keyfile: string, isOwn: boolean][] = [
  ['as NetworkManager writes it', profile('hub-agent x', 'y'), true],
  ['spaces around the sign', '[wifi]\nssid=x\n[connection]\ntype=wifi\nid = hub-agent x\n', true],
  ['spaces before the key and behind the section', '  [connection] \n\t id\t=\thub-agent x\n', true],
  ['lines that end as on Windows', '[connection]\r\nid=hub-agent x\r\n', true],
  ['no end of the last line', '[connection]\nid=hub-agent x', true],
  ['a space written as \\s', '[connection]\nid=hub-agent\\sx\n', true],
  ['the section twice', '[connection]\nuuid=1\n[wifi]\n[connection]\nid=hub-agent x\n', true],
  ['the id twice, the last counts', '[connection]\nid=mine\nid=hub-agent x\n', true],
  ['the id twice, the last is another', '[connection]\nid=hub-agent x\nid=mine\n', false],
  ['bytes that are no text', '[connection]\nx=\u0000\ufffd\nid=hub-agent x\n', true],
  ['within a password', profile('x', '\nid=hub-agent y'), false],
  ['in another section', '[connection]\nid=mine\n[wifi]\nid=hub-agent z\n', false],
  ['in a section of a similar name', '[connection2]\nid=hub-agent x\n', false],
  ['before any section', 'id=hub-agent x\n[connection]\nid=mine\n', false],
  ['in a comment', '[connection]\n#id=hub-agent x\n', false],
  ['of a similar key', '[connection]\nuuid=1\nbadid=hub-agent x\nid2=hub-agent x\n', false],
  ['of a similar id', '[connection]\nid=hub-agents\n', false],
  ['empty', '', false],
];

test('a profile is the agent’s by its own id, not by a text elsewhere: for the agent and for the purge', async () => {
  for (const [index, [what, keyfile, isOwn]] of PROFILE_CASES.entries()) {
    expect(isAgentProfile(keyfile), what).toBe(isOwn);
    await put(`${PROFILES}/case ${index}`, keyfile);
  }
  const { status, stderr } = await purge();
  expect([status, stderr]).toEqual([0, '']);
  const left = await readdir(join(root, PROFILES));
  for (const [index, [what, , isOwn]] of PROFILE_CASES.entries()) expect(left.includes(`case ${index}`), what).toBe(!isOwn);
});
