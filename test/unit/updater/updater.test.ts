import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { manifestText } from '../../../agent/release/manifest.ts';
import { FIRST_STATE, type RefusalReason } from '../../../agent/release/state.ts';
import { createDisk, pinned } from '../../../agent/updater/disk.ts';
import { createReleaseHub, FACTORY_SEQUENCE, filesOf, leftovers, manifestOf, type ReleaseHub, signed } from './hub.ts';

let hub: ReleaseHub;
const next = { 'hub-agent.cjs': 'agent next', 'hubctl.cjs': 'hubctl next' };
const release = manifestOf(20, { ...filesOf('factory'), ...next });

beforeEach(() => {
  hub = createReleaseHub();
});

const last = () => hub.state().history.at(-1);
const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined;

test('An update of two files: they are copied, the rest is linked, the trial is started, confirmed and committed; nothing is left', () => {
  hub.request(release, { files: next });
  hub.run(createDisk());
  hub.settle();
  expect(last()).toMatchObject({ what: 'trial', sequence: 20, attempt: 'job:1' });
  expect(readFileSync(join(hub.releases, '20/hub-agent.cjs'), 'utf8')).toBe('agent next');
  const inode = (path: string) => statSync(path).ino;
  expect(inode(join(hub.releases, '20/node'))).toBe(inode(join(hub.machine.library, 'node')));
  expect(statSync(join(hub.releases, '20/node')).mode & 0o777).toBe(0o755);
  expect(isThere(join(hub.update, 'request.json'))).toBe(false);
  expect(hub.select()).toBe('20 trial');
  expect(hub.systemctl()).toEqual(['--no-block start hub-agent-trial.timer']);

  hub.confirm(20, 'healthy');
  hub.machine.update = pinned(hub.root, 'update');
  hub.run(createDisk());
  hub.settle();
  expect(hub.state()).toMatchObject({ current: { sequence: 20 }, previous: { sequence: 0 }, highest: 20, trial: null });
  // It runs already: no second start.
  expect(hub.systemctl()).toEqual(['--no-block stop hub-agent-trial.timer']);
  expect(hub.select()).toBe('20 committed');
  expect(leftovers(hub)).toEqual([]);
});

test('Where a link cannot lead from the package, its parts are copied once; later releases share them', () => {
  const real = createDisk();
  const mounted = {
    ...real,
    link(from: string, to: string) {
      if (from.startsWith(hub.machine.library)) throw Object.assign(new Error('another mount'), { code: 'EXDEV' });
      real.link(from, to);
    },
  };
  for (const sequence of [20, 30]) {
    const files = { 'hub-agent.cjs': `agent ${sequence}` };
    hub.request(manifestOf(sequence, { ...filesOf('factory'), ...files }), { files });
    hub.run(mounted);
    hub.select();
    hub.confirm(sequence, 'healthy');
    hub.run(mounted);
  }
  const inode = (path: string) => statSync(path).ino;
  expect(inode(join(hub.releases, '30/node'))).toBe(inode(join(hub.releases, '20/node')));
  expect(inode(join(hub.releases, '20/node'))).not.toBe(inode(join(hub.machine.library, 'node')));
});

test('Two updates later only the present release and the one before it are there', () => {
  for (const sequence of [20, 30, 40]) {
    const files = { 'hub-agent.cjs': `agent ${sequence}` };
    hub.request(manifestOf(sequence, { ...filesOf('factory'), ...files }), { files });
    hub.run();
    hub.select();
    hub.confirm(sequence, 'healthy');
    hub.run();
  }
  expect(hub.state()).toMatchObject({ current: { sequence: 40 }, previous: { sequence: 30 } });
  expect(leftovers(hub)).toEqual([]);
  expect(isThere(join(hub.releases, '20'))).toBe(false);
});

test.each<[RefusalReason, () => void]>([
  [
    'bad_signature',
    () => hub.request(release, { files: next, signature: signed(manifestText(release), generateKeyPairSync('ed25519').privateKey) }),
  ],
  ['bad_signature', () => hub.request(release, { files: next, signature: 'AAAA' })],
  ['wrong_arch', () => hub.request({ ...release, arch: 'arm64' }, { files: next })],
  ['wrong_model', () => hub.request({ ...release, models: ['HUB-2'] }, { files: next })],
  ['system_too_old', () => hub.request({ ...release, requiresSystem: 2 }, { files: next })],
  ['older_sequence', () => hub.request({ ...release, sequence: FACTORY_SEQUENCE }, { files: next })],
  ['from_too_old', () => hub.request({ ...release, minimumFrom: 11 }, { files: next })],
  ['part_missing', () => hub.request(release)],
  [
    'part_missing',
    () => {
      hub.request(release, { files: next });
      truncateSync(join(hub.update, 'parts', release.parts.find(({ name }) => name === 'hub-agent.cjs')!.sha256), 3);
    },
  ],
  [
    'part_damaged',
    () => {
      hub.request(release, { files: next });
      writeFileSync(join(hub.update, 'parts', release.parts.find(({ name }) => name === 'hub-agent.cjs')!.sha256), 'agent nexT');
    },
  ],
  [
    'manifest_invalid',
    () => writeFileSync(join(hub.update, 'request.json'), JSON.stringify({ manifest: '{}', signature: signed('{}'), attempt: 'a' })),
  ],
])('Refused, and the hub as before: %s', (reason, ask) => {
  ask();
  hub.run();
  expect(last()).toMatchObject({ what: 'refused', reason });
  expect(hub.state()).toMatchObject({ trial: null, current: { sequence: 0 } });
  expect(isThere(join(hub.update, 'request.json'))).toBe(false);
  expect(leftovers(hub)).toEqual([]);
  expect(hub.select()).toBe('0 committed');
});

test.each<[string, (path: string) => void]>([
  ['torn', (path) => writeFileSync(path, '{"manifest":')],
  ['no object', (path) => writeFileSync(path, 'null')],
  ['another object', (path) => writeFileSync(path, '{"manifest":1,"sequence":"20"}')],
  ['too large', (path) => writeFileSync(path, Buffer.alloc(1_000_000))],
  ['a link', (path) => symlinkSync('/etc/passwd', path)],
  ['a folder', (path) => mkdirSync(path)],
  ['a folder with something in it', (path) => mkdirSync(join(path, 'with/more'), { recursive: true })],
  ['a FIFO', (path) => void execFileSync('mkfifo', [path])],
])('A message that is %s is removed and logged, and changes nothing', (_, plant) => {
  const places = {
    request: join(hub.update, 'request.json'),
    confirm: join(hub.update, 'confirm.json'),
    rollback: join(hub.releases, 'rollback'),
  };
  for (const path of Object.values(places)) plant(path);
  hub.run(createDisk());
  for (const [name, path] of Object.entries(places)) {
    expect(isThere(path), name).toBe(false);
    expect(hub.log).toContain(`${name} cannot be read: it is removed`);
  }
  expect(isThere(join(hub.releases, 'state'))).toBe(false);
  expect(hub.select()).toBe('0 committed');
});

test.each<[string, string, (part: string) => void]>([
  ['a FIFO', 'storage_failed', (part) => void execFileSync('mkfifo', [part])],
  ['a folder', 'storage_failed', (part) => mkdirSync(part)],
  ['a file of that size and other bytes, by one more name', 'part_damaged', (part) => linkSync(join(hub.root, 'other'), part)],
])('A part in the agent folder that is %s is not taken, and nothing waits for it', (_, reason, plant) => {
  hub.request(release, { files: next });
  const part = join(hub.update, 'parts', release.parts.find(({ name }) => name === 'hub-agent.cjs')!.sha256);
  writeFileSync(join(hub.root, 'other'), 'agent nexT');
  rmSync(part);
  plant(part);
  hub.run(createDisk());
  expect(last()).toMatchObject({ what: 'refused', reason });
  expect(readFileSync(join(hub.root, 'other'), 'utf8')).toBe('agent nexT');
  expect(leftovers(hub)).toEqual([]);
});

test('The folder of parts may lead anywhere: only bytes that were signed are taken from it, and nothing is written there', () => {
  hub.request(release, { files: next });
  renameSync(join(hub.update, 'parts'), join(hub.root, 'elsewhere'));
  symlinkSync(join(hub.root, 'elsewhere'), join(hub.update, 'parts'));
  const before = readdirSync(join(hub.root, 'elsewhere'));
  hub.run(createDisk());
  expect(last()).toMatchObject({ what: 'trial' });
  expect(readdirSync(join(hub.root, 'elsewhere'))).toEqual(before);
  expect(lstatSync(join(hub.releases, '20/hub-agent.cjs')).nlink).toBe(1);
});

test('The update folder itself that is a link is none', () => {
  symlinkSync(hub.update, join(hub.root, 'link'));
  expect(pinned(hub.root, 'link')).toBeNull();
  expect(pinned(hub.root, 'missing')).toBeNull();
});

test.each<[string, string]>([
  ['of a newer format', 'hub-agent-releases 2\ncurrent 20 1\nend 0\n'],
  ['empty', ''],
  ['torn', 'hub-agent-releases 1\ncurrent 2'],
  ['of somebody else', 'current 20 1\ntrial 30 1 x\nend\n'],
])('A state that is %s: the package runs, the damage is logged, and the next release is taken', (_, text) => {
  writeFileSync(join(hub.releases, 'state'), text);
  hub.run();
  expect(hub.log).toContain('state of the releases is damaged');
  hub.request(release, { files: next });
  hub.run();
  expect(hub.state().trial).toMatchObject({ sequence: 20 });
});

test('While the state cannot be read, no release is removed: it may be that the disk fails for a moment', () => {
  hub.request(release, { files: next });
  hub.run();
  hub.select();
  hub.confirm(20, 'healthy');
  hub.run();
  const failing = {
    ...createDisk(),
    read(path: string, maxBytes: number) {
      if (path.includes('/releases/state')) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      return createDisk().read(path, maxBytes);
    },
  };
  hub.run(failing);
  hub.run();
  expect(hub.state()).toMatchObject({ current: { sequence: 20 } });
  expect(hub.select()).toBe('20 committed');
});

test('A part in the agent folder that is a link is not followed', () => {
  hub.request(release, { files: next });
  const part = join(hub.update, 'parts', release.parts.find(({ name }) => name === 'hub-agent.cjs')!.sha256);
  writeFileSync(join(hub.root, 'elsewhere'), 'agent next');
  rmSync(part);
  symlinkSync(join(hub.root, 'elsewhere'), part);
  hub.run();
  expect(last()).toMatchObject({ what: 'refused', reason: 'storage_failed' });
  expect(leftovers(hub)).toEqual([]);
});

test('A trial that says what it lacks goes back with that reason; the same attempt is not tried again, another one is, three times in all', () => {
  for (const attempt of ['job:1', 'job:2', 'job:3']) {
    hub.request(release, { files: next, attempt });
    hub.run();
    expect(hub.select()).toBe('20 trial');
    hub.confirm(20, 'no_cloud');
    hub.run();
    expect(last()).toMatchObject({ what: 'rolled_back', reason: 'no_cloud', attempt });
    hub.systemctl();
    hub.settle();
    expect(hub.systemctl()).toEqual(['--no-block stop hub-agent-trial.timer', '--no-block try-restart hub-agent.service']);
    expect(hub.select()).toBe('0 committed');
  }
  for (const attempt of ['job:1', 'job:4']) {
    hub.request(release, { files: next, attempt });
    hub.run();
    expect(last()).toMatchObject({ what: 'refused', reason: 'rolled_back_before' });
  }
});

test('A trial that dies at once has three starts, then the old one starts and the updater is told', () => {
  hub.request(release, { files: next });
  hub.run();
  expect([1, 2, 3].map(() => hub.select())).toEqual(['20 trial', '20 trial', '20 trial']);
  hub.systemctl();
  expect(hub.select()).toBe('0 committed');
  expect(hub.systemctl()).toEqual(['--no-block start hub-agent-update.service hub-agent-trial.timer']);
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'starts_used_up' });
});

test('Power cuts in a trial: four boots have their starts, the fifth goes back', () => {
  hub.request(release, { files: next });
  hub.run();
  const chosen = Array.from({ length: 5 }, () => {
    hub.boot();
    return hub.select();
  });
  expect(chosen).toEqual(['20 trial', '20 trial', '20 trial', '20 trial', '0 committed']);
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'boots_used_up' });
});

test('What a trial of a newer release says goes back with that word, whether this updater knows it or not', () => {
  hub.request(release, { files: next });
  hub.run();
  writeFileSync(join(hub.update, 'confirm.json'), JSON.stringify({ sequence: 20, verdict: 'sensor_cold' }));
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'sensor_cold' });
});

test('A trial that never says anything is over after its time, by the clock of its boot', () => {
  hub.request(release, { files: next });
  hub.run();
  hub.select();
  hub.machine.uptimeSeconds = 699;
  hub.run();
  expect(hub.state().trial).not.toBeNull();
  hub.machine.uptimeSeconds = 700;
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'deadline' });
});

test('Root goes back to the release before, once, however often the mark is found', () => {
  hub.request(release, { files: next });
  hub.run();
  hub.select();
  hub.confirm(20, 'healthy');
  hub.run();
  for (let times = 0; times < 2; times += 1) {
    hub.askRollback(20);
    hub.run();
    expect(hub.state()).toMatchObject({ current: { sequence: 0 }, highest: 20 });
  }
  expect(hub.state().history.filter(({ what }) => what === 'rolled_back')).toHaveLength(1);
  expect(hub.select()).toBe('0 committed');
  hub.request(release, { files: next, attempt: 'job:9' });
  hub.run();
  expect(last()).toMatchObject({ what: 'refused', reason: 'older_sequence' });
});

test('A newer package wins over what runs and over what is on trial', () => {
  hub.request(release, { files: next });
  hub.run();
  hub.machine.factory.sequence = 25;
  writeFileSync(join(hub.machine.library, 'SEQUENCE'), '25\n');
  expect(hub.select()).toBe('0 committed');
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'superseded' });
  hub.setState({ ...FIRST_STATE, current: { sequence: 20, requiresSystem: 1 }, highest: 20 });
  expect(hub.select()).toBe('0 committed');
});

test('A package of an older contract is not asked to start a release that needs a newer one', () => {
  hub.request(release, { files: next });
  hub.run();
  hub.select();
  hub.confirm(20, 'healthy');
  hub.run();
  hub.setState({ ...hub.state(), current: { sequence: 20, requiresSystem: 2 } });
  expect(hub.select()).toBe('0 committed');
});

test('A confirmation without its trial, or in pieces, changes nothing', () => {
  for (const text of [
    JSON.stringify({ sequence: 20, verdict: 'healthy' }),
    '{"sequence":20',
    JSON.stringify({ sequence: 20, verdict: 'fine' }),
  ]) {
    writeFileSync(join(hub.update, 'confirm.json'), text);
    hub.run();
    expect(isThere(join(hub.update, 'confirm.json'))).toBe(false);
    expect(isThere(join(hub.releases, 'state'))).toBe(false);
  }
});

test('Files of the launcher that are damaged lead to what was committed', () => {
  hub.request(release, { files: next });
  hub.run();
  for (const text of ['', '20', '20 1 1 boot-1', '20 x 1 boot-1 100', '\n']) {
    writeFileSync(join(hub.releases, 'count'), text);
    expect(hub.select(), JSON.stringify(text)).toBe('0 committed');
  }
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'count_damaged' });
});

test('A trial whose files are gone is over', () => {
  hub.request(release, { files: next });
  hub.run();
  rmSync(join(hub.releases, '20'), { recursive: true });
  expect(hub.select()).toBe('0 committed');
  expect(hub.systemctl()).toEqual(['--no-block start hub-agent-update.service hub-agent-trial.timer']);
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'files_missing' });
});

test('A start that cannot be counted, as on a full disk, is none: the committed release runs, is not restarted for it, and the trial is over', () => {
  hub.request(release, { files: next });
  hub.run();
  // Where the count would be written.
  mkdirSync(join(hub.releases, 'count.new'));
  expect(hub.select()).toBe('0 committed');
  hub.systemctl();
  hub.settle();
  expect(hub.systemctl()).toEqual([]);
  hub.machine.refused = readFileSync(join(hub.root, 'chosen.refused'), 'latin1').trim();
  hub.run();
  expect(last()).toMatchObject({ what: 'rolled_back', reason: 'count_damaged', attempt: 'job:1' });
  rmSync(join(hub.releases, 'count.new'), { recursive: true });
  // The next attempt is another one.
  hub.request(release, { files: next, attempt: 'job:2' });
  hub.run();
  expect(hub.state().trial).toMatchObject({ attempt: 'job:2' });
  hub.settle();
  expect(hub.systemctl()).toEqual(['--no-block try-restart hub-agent.service']);
  expect(hub.select()).toBe('20 trial');
});

test('What the launcher writes can be read by the user of the agent, whatever the mask of the unit', () => {
  const mask = process.umask(0o077);
  try {
    hub.select();
  } finally {
    process.umask(mask);
  }
  expect(statSync(join(hub.root, 'chosen')).mode & 0o777).toBe(0o644);
});
