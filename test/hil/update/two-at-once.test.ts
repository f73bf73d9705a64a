import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { manifestText } from '../../../agent/release/manifest.ts';
import { parseState } from '../../../agent/release/state.ts';
import { createProcessLock } from '../../../agent/system/process-lock.ts';
import { createDisk } from '../../../agent/updater/disk.ts';
import { runUpdater } from '../../../agent/updater/updater.ts';
import { FACTORY_SEQUENCE, filesOf, manifestOf } from '../../unit/updater/hub.ts';
import { createStick } from '../rig/stick.ts';
import { seen } from '../rig/until.ts';

const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

let root: string;
let update: string;
let releases: string;
let stick: Awaited<ReturnType<typeof createStick>>;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'two-at-once-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  update = join(root, 'state/update');
  releases = join(root, 'var/lib/hub-agent-releases');
  const library = join(root, 'usr/lib/hub-agent');
  for (const folder of [update, releases, join(library, 'native')]) mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(filesOf('factory'))) writeFileSync(join(library, name), text);
  writeFileSync(join(library, 'release.json'), manifestText(manifestOf(FACTORY_SEQUENCE, filesOf('factory'), { arch: ARCH })));
  stick = await createStick({ root, stateDirectory: join(root, 'state') });
});

/** As its path unit starts it. */
const updater = () =>
  runUpdater(createDisk(), {
    releases,
    library: join(root, 'usr/lib/hub-agent'),
    factory: { sequence: FACTORY_SEQUENCE, system: 1 },
    update,
    keys: [stick.publicKey],
    arch: ARCH,
    model: null,
    bootId: 'boot',
    uptimeSeconds: 100,
    trialSeconds: 600,
    refused: null,
    nowSeconds: 1_800_000_000,
    log: () => {},
  });

const isRequested = () => existsSync(join(update, 'request.json'));
const history = () => parseState(readFileSync(join(releases, 'state'), 'utf8')).history.map(({ what, sequence }) => `${what} ${sequence}`);
const partsLeft = () => readdirSync(join(update, 'parts'));
const filesFor = (mark: string) => ({ ...filesOf('factory'), 'hub-agent.cjs': `agent ${mark} `.repeat(200_000) });

/** The shell that had the turn has seen that the updater took its request. */
async function turnGivenBack(): Promise<void> {
  let free: (() => void) | null = null;
  while (free === null) {
    free = await createProcessLock(update).acquire();
    if (free === null) await sleep(20);
  }
  free();
}

/** The release of the request is tried and committed. */
async function goesThrough(sequence: number): Promise<void> {
  await seen('the request', isRequested);
  updater();
  writeFileSync(join(update, 'confirm.json'), JSON.stringify({ sequence, verdict: 'healthy' }));
  updater();
}

test.each([
  ['the same release', 20],
  ['two releases', 30],
])('Two shells apply %s at once: one wins, the other is told, and what the winner needs is left alone', async (_, second) => {
  const files = [
    await stick.release(20, filesFor('20'), { arch: ARCH }),
    await stick.release(second, filesFor(String(second)), { arch: ARCH }),
  ];
  const both = await Promise.all(files.map((file) => stick.apply(file)));
  for (const each of both) each.begin();
  // The updater is not started before one of them has given up.
  const first = await Promise.race(both.map(async ({ ended }, index) => ({ index, ...(await ended) })));
  expect([first.code, first.text]).toEqual([
    1,
    expect.stringMatching(/^hubctl: Another update (?:is being prepared on this hub|waits for the updater)/),
  ]);
  const winner = [20, second][1 - first.index]!;
  await goesThrough(winner);
  const { code, text } = await both[1 - first.index]!.ended;
  expect([code, text]).toEqual([0, expect.stringContaining(`release ${winner} is committed`)]);
  expect(history()).toEqual([`trial ${winner}`, `committed ${winner}`]);
  expect([partsLeft(), isRequested()]).toEqual([[], false]);
});

test('One that is killed amid its work blocks nobody: the next one clears up and goes through', async () => {
  const file = await stick.release(20, filesFor('20'), { arch: ARCH });
  const killed = await stick.apply(file);
  killed.begin();
  await seen('the first part', () => existsSync(join(update, 'parts')) && partsLeft().length > 0);
  killed.process.kill('SIGKILL');
  await killed.ended;
  // It may have come to its request.
  rmSync(join(update, 'request.json'), { force: true });
  const next = await stick.apply(file);
  next.begin();
  await goesThrough(20);
  expect(await next.ended).toMatchObject({ code: 0 });
  expect(partsLeft()).toEqual([]);
});

test('A release during the trial of another is refused by the updater, and says so', async () => {
  const [first, second] = [
    await stick.release(20, filesFor('20'), { arch: ARCH }),
    await stick.release(30, filesFor('30'), { arch: ARCH }),
  ];
  const one = await stick.apply(first);
  one.begin();
  await seen('the request', isRequested);
  updater();
  await turnGivenBack();
  const other = await stick.apply(second);
  other.begin();
  await seen('the request', isRequested);
  updater();
  expect(await other.ended).toEqual({ code: 1, text: expect.stringContaining('another release is on trial') });
  expect(partsLeft()).toEqual([]);
  writeFileSync(join(update, 'confirm.json'), JSON.stringify({ sequence: 20, verdict: 'healthy' }));
  updater();
  expect(await one.ended).toMatchObject({ code: 0 });
});
