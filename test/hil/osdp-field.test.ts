import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PeripheralOptions } from '../twins/osdp-line/index.ts';
import type { AgentProcess } from './rig/agent-process.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { untilOnline } from './rig/start.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const KEY = Buffer.from(OWN_KEY, 'hex');

/** Peripherals as installations have them, each with a habit of its own. At address 0 there will be two. */
const PERIPHERALS: PeripheralOptions[] = [
  { address: 0 },
  { address: 1, check: 'checksum_only' },
  { address: 2, check: 'checksum_or_nak' },
  { address: 3, waitsForPoll: true },
  { address: 4, secureChannel: { key: KEY, required: true, inClear: 'nothing' } },
  { address: 5, secureChannel: { key: KEY, required: true, inClear: 'identity' } },
  { address: 6, secureChannel: { key: null, acceptsDefaultKey: false, missingKeyNak: 6 } },
  { address: 7, turnaround: { minMs: 215, maxMs: 260 } },
  { address: 8, policesSequence: false },
];
/** Between two looks at the nodes; so many of them end a hang, before the test runner does. */
const LOOK_MS = 500;
const MAX_LOOKS = 400;

let rig: Rig;
let agent: AgentProcess;
let looks = 0;

beforeAll(async () => {
  rig = await createRig({ peripherals: PERIPHERALS, addresses: ['0-8'] });
  rig.line!.add({ address: 0, serialNumber: 7 }, true);
  await writeFile(join(rig.folder, 'etc', 'keys.json'), JSON.stringify({ 4: OWN_KEY, 5: OWN_KEY, 6: OWN_KEY }), { mode: 0o600 });
  const path = join(rig.folder, 'etc', 'agent.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  const buses = [{ ...config.buses[0], keysPath: 'keys.json', replyTimeoutMs: 400 }];
  await writeFile(path, JSON.stringify({ ...config, buses }));
  agent = rig.startAgent();
  await untilOnline(rig);
  await rig.provision();
});

afterAll(() => rig.dispose());

type Nodes = Record<string, Record<string, unknown> | undefined>;

/** The nodes by address, from the topic of the answer: in the shadow a null is no field. */
async function nodes(refresh = false): Promise<Nodes> {
  looks += 1;
  const { id } = await rig.run('get_nodes', { refresh, again: looks });
  const pages = () => rig.results.filter((page) => page.id === id);
  await rig.until('the result page', () => pages().length > 0);
  const found = pages().flatMap((page) => (page.result as { nodes: Record<string, unknown>[] }).nodes);
  return Object.fromEntries(found.map((node) => [String(node.address), node]));
}

async function untilNodes(holds: (found: Nodes) => boolean, refresh = false): Promise<Nodes> {
  let found = await nodes(refresh);
  for (let look = 1; look < MAX_LOOKS && !holds(found); look++) {
    await setTimeout(LOOK_MS);
    found = await nodes(refresh);
  }
  return found;
}

const TOLD = { available: true, vendor: '5eca00', firmwareVersion: '2.7.19', problem: null };

test.each([
  ['understands checksums alone', 1],
  ['understands checksums alone, and answers a CRC by NAK 1', 2],
  ['is silent until it was polled', 3],
  ['is slower than the standard allows, where the bus is told to wait', 7],
])('a peripheral that %s is found', async (_name, address) => {
  const found = await untilNodes((all) => all[address]?.available === true && all[address].tamper === false);
  expect(found[address]).toMatchObject({ ...TOLD, tamper: false, capabilities: expect.arrayContaining(['readers']) });
});

test.each([
  ['nothing', 4],
  ['its identity alone', 5],
])('one that answers %s in clear is challenged and tells the rest in the channel', async (_name, address) => {
  const found = await untilNodes((all) => all[address]?.security === 'secured' && all[address].tamper === false);
  expect(found[address]).toMatchObject({ ...TOLD, security: 'secured', securityReason: null, tamper: false });
  expect(found[address]!.capabilities).toContain('readers');
});

test('one that has no such key is told as that', async () => {
  const found = await untilNodes((all) => all[6]?.securityReason === 'no_key');
  expect(found[6]).toMatchObject({ available: true, securityReason: 'no_key', tamper: null });
});

test('two at one address are a node with its problem, and a line in the log', async () => {
  const found = await untilNodes((all) => all[0] !== undefined);
  expect(found[0]).toMatchObject({
    nodeId: 'rs485/0',
    available: false,
    problem: 'garbled',
    vendor: null,
    firstSeen: null,
    lastSeen: null,
  });
  await agent.waitFor('osdp_garbled_address', { where: (line) => line.address === 0 && line.level === 'warn' });
});

test('one that was restarted between two polls is asked who it is by a refresh', async () => {
  await untilNodes((all) => all[8]?.firmwareVersion === '2.7.19');
  rig.line!.peripheral(8).restart({ firmware: [9, 9, 9], capabilities: [[3, 1, 1]] });
  const found = await untilNodes((all) => all[8]?.firmwareVersion === '9.9.9' && (all[8].capabilities as string[]).length === 1, true);
  expect(found[8]).toMatchObject({ available: true, firmwareVersion: '9.9.9', capabilities: ['card_data_format'] });
});

test("a reader's own tamper is a tamper of the node", async () => {
  const reader = rig.line!.peripheral(8);
  reader.setReaderTampered(true);
  expect((await untilNodes((all) => all[8]?.tamper === true))[8]).toMatchObject({ tamper: true });
  reader.setReaderTampered(false);
  expect((await untilNodes((all) => all[8]?.tamper === false))[8]).toMatchObject({ tamper: false });
});
