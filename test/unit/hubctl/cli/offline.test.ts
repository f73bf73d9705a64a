import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCommands, readNodes, readOffline } from '../../../../agent/hubctl/cli/offline.ts';
import { createPaths } from '../../../../agent/system/paths.ts';
import { sealed } from '../../../../agent/system/seal.ts';
import { DAMAGES } from '../../state/damage.ts';

const CLAIM = { orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1_795_300_000_000 };
const NODE = {
  nodeId: 'bus-1/5',
  bus: 'bus-1',
  protocol: 'osdp',
  address: '5',
  available: true,
  lastSeen: null,
  firstSeen: null,
  vendor: null,
  model: null,
  serialNumber: null,
  firmwareVersion: null,
  capabilities: [],
  security: null,
  tamper: null,
  powerFault: null,
  linkQuality: null,
};
const ENTRY = {
  id: 'c1',
  intake: 'shadow',
  command: 'get_nodes',
  stage: 'delivered',
  repeatable: true,
  args: null,
  receivedAt: 1_795_300_000_000,
  finishedAt: 1_795_300_001_000,
  outcome: null,
  answered: { status: 'FAILED', code: 'bus_unavailable' },
};

let folder: string;
const put = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hub-offline-'));
  await mkdir(join(folder, 'commands'));
  await put('claim.json', sealed(CLAIM));
  await put('nodes.json', { version: 1, nodes: [sealed(NODE)] });
  await put('commands/c1.json', sealed({ format: 1, entry: ENTRY }));
});
afterEach(() => rm(folder, { recursive: true }));

test('of a stored peripheral its facts are shown, and not how its contacts were; what is not right in it is left out', async () => {
  const facts = { hardwareVersion: '2', osdpVersion: 'sia_2.2', capabilityLevels: [1], capabilityCounts: [2], lastCardAt: null };
  const moved = { from: 'bus-1/3', at: null };
  await put('nodes.json', { version: 1, nodes: [sealed({ ...NODE, ...facts, inputs: ['active'], outputs: ['active'], moved })] });
  expect((await readNodes(folder)).nodes.nodes).toMatchObject([{ ...facts, inputs: null, outputs: null, moved }]);
  await put('nodes.json', { version: 1, nodes: [sealed({ ...NODE, ...facts, capabilityCounts: 'many', moved: 'far' })] });
  const [node] = (await readNodes(folder)).nodes.nodes;
  expect(node).toMatchObject({ nodeId: 'bus-1/5' });
  for (const field of ['capabilityCounts', 'inputs', 'moved'] as const) expect(node![field]).toBeUndefined();
});

test('what the agent wrote is shown, and what it answered', async () => {
  expect(await readOffline(folder, createPaths())).toMatchObject({
    claim: CLAIM,
    nodes: { nodes: [{ nodeId: 'bus-1/5', available: false }] },
    commands: [{ id: 'c1', status: null, answered: { status: 'FAILED', code: 'bus_unavailable' } }],
    unreadable: [],
  });
});

test('nodes stand in the order of the agent, and tell how each was; a bus may be chosen', async () => {
  const at = (bus: string, address: string, more: object = {}) => sealed({ ...NODE, nodeId: `${bus}/${address}`, bus, address, ...more });
  const nodes = [at('b', '42'), at('a', '120', { available: false, problem: 'garbled' }), at('a', '5'), at('b', '1'), at('a', '17')];
  await put('nodes.json', { version: 1, nodes });
  const { nodes: stored, at: writtenAt } = await readNodes(folder);
  expect(stored.nodes.map(({ nodeId }) => nodeId)).toEqual(['a/5', 'a/17', 'a/120', 'b/1', 'b/42']);
  expect(stored.nodes.map(({ available, lastAvailable }) => [available, lastAvailable])).toEqual(
    stored.nodes.map(({ nodeId }) => [false, nodeId !== 'a/120']),
  );
  expect(stored.nodes.map(({ problem }) => problem)).toEqual([null, null, 'garbled', null, null]);
  expect(writtenAt).toBeGreaterThan(0);
  expect((await readNodes(folder, 'b')).nodes).toMatchObject({ total: 2, nodes: [{ nodeId: 'b/1' }, { nodeId: 'b/42' }] });
});

const cases = ['claim.json', 'nodes.json', 'commands/c1.json'].flatMap((name) =>
  Object.keys(DAMAGES).map((damage) => [name, damage] as const),
);
test.each(cases.filter(([, damage]) => damage !== 'closed to its reader'))('%s, %s: it counts as absent', async (name, damage) => {
  const end = await DAMAGES[damage]!(join(folder, name));
  try {
    const { claim, nodes, commands } = await readOffline(folder, createPaths());
    expect([claim, nodes.nodes.length, commands.length]).toEqual([
      name === 'claim.json' ? null : CLAIM,
      name === 'nodes.json' ? 0 : 1,
      name === 'commands/c1.json' ? 0 : 1,
    ]);
  } finally {
    await end?.();
  }
});

test.each([
  ['a time that is none', { receivedAt: 1e17 }],
  ['a time as text', { finishedAt: 'soon' }],
  ['a command that is no text', { command: { toString: 'x' } }],
])('a command with %s is left out: a screen would crash on it', async (_what, change) => {
  await put('commands/c1.json', { format: 1, entry: { ...ENTRY, ...change } });
  expect((await readCommands(folder, createPaths())).commands).toEqual([]);
});

test('an outcome that is none is not shown', async () => {
  await put('commands/c1.json', { format: 1, entry: { ...ENTRY, outcome: { status: 'GOOD', error: 7 }, answered: 5 } });
  expect((await readCommands(folder, createPaths())).commands).toMatchObject([{ outcome: null, status: null, answered: null }]);
});

test.each(['capabilities', 'address', 'vendor', 'lastSeen'])('a node whose %s is an object is left out', async (field) => {
  await put('nodes.json', { version: 1, nodes: [{ ...NODE, [field]: { a: 1 } }, NODE] });
  expect((await readNodes(folder)).nodes.nodes).toHaveLength(1);
});

test('a folder of commands that is a link elsewhere is not entered', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'hub-elsewhere-'));
  await writeFile(join(elsewhere, 'c9.json'), JSON.stringify({ format: 1, entry: { ...ENTRY, id: 'c9' } }));
  await rm(join(folder, 'commands'), { recursive: true });
  await symlink(elsewhere, join(folder, 'commands'));
  expect((await readCommands(folder, createPaths())).commands).toEqual([]);
  await rm(elsewhere, { recursive: true });
});

test('a FIFO among the commands is not waited for', async () => {
  spawnSync('mkfifo', [join(folder, 'commands', 'c2.json')]);
  expect((await readCommands(folder, createPaths())).commands.map(({ id }) => id)).toEqual(['c1']);
});
