import { copyFileSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { hubctl } from '../../../../agent/hubctl/cli/hubctl.ts';
import { manifestText } from '../../../../agent/release/manifest.ts';
import { FIRST_STATE, formatState, type ReleaseEvent, type ReleasesState } from '../../../../agent/release/state.ts';
import { generateSigningKey, readSigningKey } from '../../../../scripts/package/signature.ts';
import { signRelease, writeRelease } from '../../../../scripts/release/folder.ts';
import { filesOf, manifestOf } from '../../updater/hub.ts';
import { bareMachine } from '../bare-machine.ts';
import { createFakeTerminal } from '../fake-terminal.ts';

const NEXT = 'agent next';
const TRUSTED = 'usr/share/hub-agent/release-keys';
let folder: string;
let releases: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hubctl-update-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  releases = join(folder, 'var/lib/hub-agent-releases');
  const library = join(folder, 'usr/lib/hub-agent');
  for (const path of [releases, library, join(folder, 'state'), join(folder, TRUSTED)]) mkdirSync(path, { recursive: true });
  writeFileSync(join(library, 'release.json'), manifestText(manifestOf(10, filesOf('factory'))));
  writeFileSync(join(library, 'SEQUENCE'), '10\n');
  writeFileSync(
    join(folder, 'agent.json'),
    JSON.stringify({ stateDirectory: join(folder, 'state'), local: { socketPath: join(folder, 'none.sock') } }),
  );
});

const keep = (state: ReleasesState) => writeFileSync(join(releases, 'state'), formatState(state));

async function run(line: string[], { isRoot = true } = {}) {
  const terminal = createFakeTerminal();
  const ports = { ...bareMachine(folder), releaseRoot: folder, isRoot, becomeOwner: async () => {} };
  const code = await hubctl([...line, '--config', join(folder, 'agent.json')], terminal, ports);
  return { code, text: [...terminal.output, ...terminal.errors].join('\n') };
}

/** A release as the release tool makes it: the agent's own file differs from the package's. */
async function releaseFile(): Promise<string> {
  const files = { ...filesOf('factory'), 'hub-agent.cjs': NEXT };
  const key = join(folder, 'key');
  await generateSigningKey(key);
  copyFileSync(`${key}.pub`, join(folder, TRUSTED, 'a.pem'));
  const parts = Object.entries(files).map(([name, text]) => ({ name, data: Buffer.from(text) }));
  const place = join(folder, 'made');
  await writeRelease(place, { manifest: manifestOf(20, files), parts, sbom: Buffer.from('{}'), fast: true });
  return (await signRelease(place, await readSigningKey(key), null)).file;
}

/** Plays the updater: once the request lies there, these events come, one after the other. */
async function updater(events: Pick<ReleaseEvent, 'what' | 'reason'>[]) {
  const path = join(folder, 'state/update/request.json');
  await expect.poll(() => readdirSync(join(folder, 'state'), { recursive: true })).toContain('update/request.json');
  const request = JSON.parse(readFileSync(path, 'utf8')) as { attempt: string; manifest: string };
  const place = join(folder, 'state/update/parts');
  const parts = readdirSync(place).map((name) => readFileSync(join(place, name), 'utf8'));
  const history = events.map((event): ReleaseEvent => ({ ...event, atSeconds: 1, sequence: 20, attempt: request.attempt }));
  rmSync(path);
  keep({ ...FIRST_STATE, history });
  return { ...request, parts };
}

test('A release from a file is handed to the updater, the parts alone that are new, and followed to its end', async () => {
  const file = await releaseFile();
  const running = run(['update', 'apply', file]);
  const request = await updater([
    { what: 'trial', reason: null },
    { what: 'committed', reason: null },
  ]);
  const { code, text } = await running;
  expect([code, text]).toEqual([0, expect.stringContaining('release 20 is committed')]);
  expect(request).toMatchObject({ manifest: manifestText(manifestOf(20, { ...filesOf('factory'), 'hub-agent.cjs': NEXT })) });
  expect(request.attempt).toMatch(/^local:/);
  expect(request.parts).toEqual([NEXT]);
  // The updater has them.
  expect(readdirSync(join(folder, 'state/update/parts'))).toEqual([]);
});

test.each<[string, (path: string) => void]>([
  ['a request', (path) => writeFileSync(path, 'of another')],
  ['a folder', (path) => mkdirSync(path)],
  ['a link', (path) => symlinkSync('/etc/passwd', path)],
])('What waits for the updater is not replaced: a second release is told so, and nothing of it is left (%s)', async (_, put) => {
  const file = await releaseFile();
  const request = join(folder, 'state/update/request.json');
  mkdirSync(join(folder, 'state/update/parts'), { recursive: true });
  put(request);
  const before = lstatSync(request).ino;
  const { code, text } = await run(['update', 'apply', file]);
  expect([code, text]).toEqual([1, expect.stringContaining('Another update waits for the updater')]);
  expect(lstatSync(request).ino).toBe(before);
  expect(readdirSync(join(folder, 'state/update/parts'))).toEqual([]);
});

test.each<[string, Pick<ReleaseEvent, 'what' | 'reason'>[], string]>([
  ['refused', [{ what: 'refused', reason: 'wrong_arch' }], 'it is for another processor'],
  [
    'rolled back',
    [
      { what: 'trial', reason: null },
      { what: 'rolled_back', reason: 'bus_lost' },
    ],
    'a bus that was up did not come up',
  ],
])('One that is %s ends with 1, and with the reason', async (_, events, words) => {
  const running = run(['update', 'apply', await releaseFile()]);
  await updater(events);
  const { code, text } = await running;
  expect([code, text]).toEqual([1, expect.stringContaining(words)]);
});

test('Only root installs and leaves', async () => {
  for (const line of [
    ['update', 'apply', 'x'],
    ['update', 'rollback', '--yes'],
  ])
    expect((await run(line, { isRoot: false })).code).toBe(77);
});

test('Root goes back; an older way back of the same release does not count as the answer', async () => {
  const old: ReleaseEvent = { atSeconds: 1, what: 'rolled_back', sequence: 20, attempt: 'job:1', reason: 'no_cloud' };
  const before = { ...FIRST_STATE, current: { sequence: 20, requiresSystem: 1 }, highest: 20, history: [old] };
  keep(before);
  const running = run(['update', 'rollback', '--yes']);
  await expect.poll(() => readdirSync(releases)).toContain('rollback');
  expect(readFileSync(join(releases, 'rollback'), 'utf8')).toBe('20\n');
  keep({ ...before, current: FIRST_STATE.current, history: [old, { ...old, atSeconds: 2, attempt: 'local', reason: 'asked' }] });
  expect(await running).toEqual({ code: 0, text: 'release 20 was rolled back: root asked for it.' });
});

test('On the release of the package there is nothing to go back to', async () => {
  expect(await run(['update', 'rollback', '--yes'])).toMatchObject({ code: 1, text: expect.stringContaining('there is none before it') });
});

test('State and history are shown without an agent, and as JSON', async () => {
  const event: ReleaseEvent = { atSeconds: 1_795_300_000, what: 'rolled_back', sequence: 30, attempt: 'job:1', reason: 'memory' };
  keep({
    ...FIRST_STATE,
    current: { sequence: 20, requiresSystem: 1 },
    highest: 20,
    trial: { sequence: 40, requiresSystem: 1, attempt: 'job:2' },
    history: [event],
  });
  const { code, text } = await run(['update', 'status']);
  expect(code).toBe(0);
  expect(text).toContain('committed: 20');
  expect(text).toContain("before it: the package's own (10)");
  expect(text).toContain('on trial:  40 (job:2)');
  expect(JSON.parse((await run(['update', 'status', '--json'])).text)).toMatchObject({
    factory: 10,
    current: 20,
    trial: { sequence: 40 },
    last: event,
  });
  expect((await run(['update', 'history'])).text).toContain('release 30 was rolled back: it took too much memory (job:1)');
  expect(JSON.parse((await run(['update', 'history', '--json'])).text)).toEqual({ history: [event] });
});
