import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createAlarmStore } from '../../../agent/cloud/alarms/alarm-store.ts';
import { createTakeoverStore } from '../../../agent/cloud/alarms/takeover-store.ts';
import { createClaimStore } from '../../../agent/cloud/shadow/claim.ts';
import type { Entry } from '../../../agent/commands/lifecycle/entry.ts';
import { createJournal } from '../../../agent/commands/lifecycle/journal.ts';
import { createNodeStore } from '../../../agent/nodes/store.ts';
import { startOfBoot } from '../../../agent/state/boot.ts';
import { ownState } from '../../../agent/state/owner.ts';
import { createResets } from '../../../agent/state/resets.ts';
import { createFiles } from '../../../agent/system/files.ts';
import { createChangeMarkerFile } from '../../../agent/wifi/change/marker.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../nodes/fakes.ts';
import { DAMAGES, flipBit } from './damage.ts';

const HUB = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const CLAIM = { orgId: 'org-1', siteId: 'site-1', claimedBy: 'user-1', claimedAt: 1_795_300_000_000 };
const ALARMS = { alarms: [{ kind: 'tamper' as const, node: 'bus-1:1', since: 1_795_300_000_000 }] };
const TAKEOVER = {
  takeover: { from: 1_795_000_000, until: null, at: 1_795_300_000_000 },
  certificate: '2030-01-01T00:00:00.000Z',
};
const MARKER = { uuid: '0b8f6f3c-5a55-4c33-9d0f-1f6a8d6f2b01', interfaceName: 'wlan0', previousUuid: null };
const entryOf = (id: string): Entry => ({
  id,
  intake: 'shadow',
  command: 'get_nodes',
  stage: 'finished',
  repeatable: true,
  args: null,
  receivedAt: 1_795_300_000_000,
  finishedAt: 1_795_300_001_000,
  outcome: { status: 'SUCCEEDED', result: { nodes: [{ nodeId: 'bus-1:5' }] } },
});
const nodeOf = (address: string) => ({
  nodeId: `bus-1:${address}`,
  bus: 'bus-1',
  protocol: 'osdp' as const,
  address,
  available: true,
  lastSeen: '2026-11-01T10:00:00.000Z',
  firstSeen: '2026-10-01T10:00:00.000Z',
  vendor: '00-06-8E',
  model: '1',
  serialNumber: '12345678',
  firmwareVersion: '1.2.3',
  capabilities: ['led'],
  security: 'secured' as const,
  tamper: false,
  powerFault: false,
  problem: null,
  linkQuality: null,
  securityReason: null,
  replaced: null,
});
/** Every file of the state directory whose content counts. */
const NAMES = [
  'hub-id',
  'hub-id.copy',
  'command-id.key',
  'claim.json',
  'alarms.json',
  'takeover.json',
  'nodes.json',
  'commands/c1.json',
  'wifi-change.json',
  'boot-id',
];

/** Each is two starts with their writes to the disk. */
const RUNS = 16;
const LIMIT_MS = 120_000;

let sound: string;
let folder: string;
let truth: Awaited<ReturnType<typeof start>>;

/** What an agent that starts in this folder believes, by the same parts in the same order. */
async function start(stateDirectory: string) {
  const files = createFiles();
  const log = createFakeLog();
  await ownState(files, { stateDirectory, hubId: HUB, log });
  await createResets({ files, stateDirectory, log }).resume();
  const claims = createClaimStore({ files, stateDirectory, log });
  await claims.load();
  const alarms = await createAlarmStore({ files, stateDirectory, clock: createSteppedClock(), log }).load();
  const takeover = await createTakeoverStore({ files, stateDirectory, clock: createSteppedClock(), log }).load();
  const nodes = await createNodeStore({ path: join(stateDirectory, 'nodes.json'), files, log }).load();
  const journal = createJournal({ files, directory: stateDirectory, entropy: createFakeEntropy(7), log });
  const key = await journal.idKey();
  const entries = await journal.load();
  const marker = await createChangeMarkerFile(files, stateDirectory, log).read();
  const { isFirst: first, noted } = await startOfBoot(files, stateDirectory, 'boot-1');
  await noted;
  return {
    claim: claims.current(),
    isKnown: claims.isKnown(),
    alarms,
    takeover,
    nodes,
    key: key.toString('hex'),
    entries,
    marker,
    first,
    log,
  };
}

beforeAll(async () => {
  sound = await mkdtemp(join(tmpdir(), 'hub-sound-'));
  const files = createFiles();
  const log = createFakeLog();
  await ownState(files, { stateDirectory: sound, hubId: HUB, log });
  await createClaimStore({ files, stateDirectory: sound, log }).offer(CLAIM);
  const alarms = createAlarmStore({ files, stateDirectory: sound, clock: createSteppedClock(), log });
  alarms.save(ALARMS);
  await alarms.stop();
  const takeovers = createTakeoverStore({ files, stateDirectory: sound, clock: createSteppedClock(), log });
  takeovers.save(TAKEOVER);
  await takeovers.stop();
  await createNodeStore({ path: join(sound, 'nodes.json'), files, log }).save([nodeOf('1'), nodeOf('2')]);
  const journal = createJournal({ files, directory: sound, entropy: createFakeEntropy(3), log });
  await journal.idKey();
  for (const id of ['c1', 'c2']) await journal.write(entryOf(id));
  await createChangeMarkerFile(files, sound, log).write(MARKER);
  await (await startOfBoot(files, sound, 'boot-1')).noted;
  truth = await start(sound);
  expect(truth.log.lines).toEqual([]);
  expect(truth).toMatchObject({ claim: CLAIM, alarms: ALARMS, takeover: TAKEOVER, marker: MARKER, first: false });
});
afterAll(() => rm(sound, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-damaged-'));
  await cp(sound, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

/** Nothing is believed but the truth, nothing else is lost with the damaged file, it is told once, and the next start is sound. */
async function expectHonest(name: string, what: string): Promise<void> {
  const believed = await start(folder);
  const events = believed.log.events();
  expect(events, what).not.toContain('state_of_another_hub');
  if (name !== 'claim.json') expect(believed.claim, what).toEqual(CLAIM);
  else if (believed.claim === null) expect(believed.isKnown, what).toBe(false);
  else expect(believed.claim, what).toEqual(CLAIM);
  if (name !== 'alarms.json' || believed.alarms !== null) expect(believed.alarms, what).toEqual(truth.alarms);
  if (name !== 'takeover.json' || believed.takeover !== null) expect(believed.takeover, what).toEqual(truth.takeover);
  for (const node of believed.nodes) expect(truth.nodes, what).toContainEqual(node);
  if (name !== 'nodes.json') expect(believed.nodes, what).toEqual(truth.nodes);
  for (const entry of believed.entries) expect(truth.entries, what).toContainEqual(entry);
  expect(
    believed.entries.map(({ id }) => id),
    what,
  ).toContain('c2');
  if (name !== 'command-id.key') expect(believed.key, what).toBe(truth.key);
  if (name !== 'wifi-change.json') expect(believed.marker, what).toEqual(MARKER);
  else if (believed.marker !== null) expect(believed.marker, what).toEqual(MARKER);
  const lost =
    believed.claim === null ||
    believed.alarms === null ||
    believed.nodes.length < truth.nodes.length ||
    believed.entries.length < truth.entries.length ||
    believed.key !== truth.key ||
    believed.marker === null;
  if (lost) expect(events, what).toHaveLength(1);
  else expect(events.length, what).toBeLessThanOrEqual(1);
  expect((await readFile(join(folder, 'hub-id'), 'latin1')).trim().toLowerCase(), what).toBe(HUB);
  const again = await start(folder);
  // What was saved of the node file is written with the next change of a node.
  expect(again.log.events(), what).toEqual(name === 'nodes.json' && believed.nodes.length > 0 ? events : []);
  expect(again.first, what).toBe(false);
}

const cases = NAMES.flatMap((name) => Object.keys(DAMAGES).map((damage) => [name, damage] as const));
test.each(cases)('%s, %s', { timeout: LIMIT_MS }, async (name, damage) => {
  const end = await DAMAGES[damage]!(join(folder, name));
  try {
    await expectHonest(name, damage);
  } finally {
    await end?.();
  }
});

test.each(NAMES)('%s, any one bit flipped (seeded sample)', { timeout: LIMIT_MS }, async (name) => {
  const seed = 20_261_128;
  const random = createFakeEntropy(seed);
  const bits = (await readFile(join(folder, name))).length * 8;
  for (let run = 0; run < RUNS; run++) {
    await rm(folder, { recursive: true });
    await cp(sound, folder, { recursive: true });
    const bit = Math.floor(random.unit() * bits);
    await flipBit(join(folder, name), bit);
    await expectHonest(name, `seed ${seed}, bit ${bit} of ${name}`);
  }
});

test.each(['commands'])('the folder %s, replaced by a file', async (name) => {
  await rm(join(folder, name), { recursive: true });
  await cp(join(folder, 'claim.json'), join(folder, name));
  const believed = await start(folder);
  expect(believed.log.events()).toEqual(['journal_unreadable']);
  const journal = createJournal({ files: createFiles(), directory: folder, entropy: createFakeEntropy(7), log: createFakeLog() });
  await journal.write(entryOf('c3'));
  expect((await start(folder)).entries.map(({ id }) => id)).toEqual(['c3']);
});

test.each(['reset-asked-factory', 'forget-wifi', 'damaged-claim.json'])('a folder named %s ends with what takes the name', async (name) => {
  const files = createFiles();
  await files.writeAtomic(join(folder, name, 'inside'), 'x');
  await DAMAGES.zeroed!(join(folder, 'claim.json'));
  await start(folder);
  expect((await start(folder)).log.events()).toEqual([]);
});

test('what stands under the temporary name of a write is neither followed nor written', async () => {
  const files = createFiles();
  await files.writeAtomic(join(folder, 'victim'), 'whole');
  await DAMAGES['a link into nothing']!(join(folder, 'hub-id'));
  const path = join(folder, 'claim.json');
  await cp(join(folder, 'hub-id.copy'), `${path}.tmp`);
  await files.writeAtomic(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await readFile(`${path}.tmp`)).equals(await readFile(join(folder, 'hub-id.copy')))).toBe(true);
});
