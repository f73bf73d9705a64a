import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node, NodesResult } from '../../agent/contract/node.ts';
import { unknownNode } from '../../agent/nodes/model.ts';
import { sealed } from '../../agent/system/seal.ts';
import type { PeripheralOptions } from '../twins/osdp-line/index.ts';
import { createFakeTerminal } from '../unit/hubctl/fake-terminal.ts';
import { runHubctl } from './rig/hubctl.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { untilOnline } from './rig/start.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const otherKey = Buffer.alloc(16, 7);

/** Each peripheral is sick in its own way. At the addresses 0 and 1 there are two. */
const PERIPHERALS: PeripheralOptions[] = [
  { address: 0 },
  { address: 1, turnaround: 3 },
  { address: 2, secureChannel: { key: otherKey } },
  { address: 3, secureChannel: null },
  { address: 4, secureChannel: { key: null, acceptsDefaultKey: false, missingKeyNak: 6 } },
  { address: 5, secureChannel: { key: otherKey, required: true, inClear: 'nothing' } },
  { address: 6, tampered: true },
  { address: 7, powerFault: true },
  { address: 8, serialNumber: 8 },
  { address: 9, secureChannel: {} },
  { address: 10, faults: { alwaysNak: 3 } },
  { address: 11 },
];
/** What each of them is found to have. */
const CODES: Readonly<Record<number, string>> = {
  0: 'node_garbled',
  1: 'node_address_clash',
  2: 'node_security_lost',
  3: 'node_security_lost',
  4: 'node_security_lost',
  5: 'node_key_missing',
  7: 'node_power_fault',
  8: 'node_replaced',
  10: 'node_unidentified',
  11: 'node_flaps',
};
const BUS = 'rs485';
const LOOK_MS = 300;

let rig: Rig;

beforeAll(async () => {
  rig = await createRig({ peripherals: PERIPHERALS, addresses: ['0-11'] });
  rig.line!.add({ address: 0, serialNumber: 70 }, true);
  rig.line!.add({ address: 1, serialNumber: 71, turnaround: 60 }, true);
  await writeFile(join(rig.folder, 'etc', 'keys.json'), JSON.stringify({ 2: OWN_KEY, 3: OWN_KEY, 4: OWN_KEY }), { mode: 0o600 });
  const path = join(rig.folder, 'etc', 'agent.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...config, buses: [{ ...config.buses[0], keysPath: 'keys.json', allowDefaultKey: true }] }));
  // One that has been there for long, and never said who it is; and one that was another device before.
  const old = { firstSeen: '2026-01-01T00:00:00.000Z', lastSeen: '2026-01-02T00:00:00.000Z' };
  const known = [
    { ...unknownNode(BUS, 'osdp', '10'), ...old },
    { ...unknownNode(BUS, 'osdp', '8'), ...old, vendor: '5eca00', model: '1', serialNumber: '4711' },
  ];
  await mkdir(join(rig.folder, 'state'), { recursive: true });
  await writeFile(join(rig.folder, 'state', 'nodes.json'), JSON.stringify({ version: 1, nodes: known.map(sealed) }));
  rig.startAgent();
  await untilOnline(rig);
});

afterAll(() => rig.dispose());

async function nodes(): Promise<Node[]> {
  const { terminal } = await runHubctl(rig, 'nodes --json');
  return (terminal.json() as NodesResult).nodes;
}

async function untilNode(address: number, holds: (node: Node) => boolean): Promise<void> {
  for (;;) {
    const node = (await nodes()).find((each) => each.address === String(address));
    if (node && holds(node)) return;
    await setTimeout(LOOK_MS);
  }
}

async function flap(address: number): Promise<void> {
  const peripheral = rig.line!.peripheral(address);
  for (let loss = 0; loss < 3; loss++) {
    await untilNode(address, ({ available }) => available);
    peripheral.setFaults({ silent: true });
    await untilNode(address, ({ available }) => !available);
    peripheral.setFaults({ silent: false });
  }
  await untilNode(address, ({ available }) => available);
}

async function doctor(columns: number) {
  const { terminal } = await runHubctl(rig, 'doctor --check bus', createFakeTerminal({ columns }));
  return `\n${terminal.text().replace(/fell silent \d+ times/, 'fell silent 3 times')}\n`;
}

interface Check {
  code?: string;
  subject?: string;
  status: string;
  finding: string;
  remedy: string | null;
}

test('the doctor names each sick peripheral of a line with its reason and its remedy', async () => {
  const settled = [
    flap(11),
    untilNode(0, ({ problem }) => problem === 'garbled'),
    untilNode(1, ({ problem }) => problem === 'address_clash'),
    ...[2, 3, 4].map((address) => untilNode(address, ({ securityReason }) => securityReason !== null)),
    untilNode(5, ({ security }) => security === 'required'),
    untilNode(6, ({ tamper }) => tamper === true),
    untilNode(7, ({ powerFault }) => powerFault === true),
    untilNode(8, ({ replaced }) => replaced !== null),
    untilNode(9, ({ security }) => security === 'default_key'),
    untilNode(10, ({ available }) => available),
  ];
  await Promise.all(settled);
  const { terminal, code } = await runHubctl(rig, 'doctor --check bus --json');
  expect(code).toBe(1);
  const { checks } = terminal.json() as { checks: Check[] };
  const bad = checks.filter(({ status }) => status === 'warn' || status === 'fail');
  const byNode = bad.filter(({ subject }) => subject?.startsWith(`${BUS}/`)).map(({ subject, code: found }) => `${subject} ${found}`);
  expect(byNode.sort()).toEqual(
    Object.entries(CODES)
      .map(([address, found]) => `${BUS}/${address} ${found}`)
      .sort(),
  );
  expect(bad.map(({ code: found }) => found)).toEqual(expect.arrayContaining(['node_tamper', 'nodes_default_key']));
  for (const { remedy } of bad) expect(remedy).toMatch(/\w/);
  for (const reason of ['another key than the one configured', 'refuses the secure channel', 'has no such key'])
    expect(bad.filter(({ finding }) => finding.includes(reason))).toHaveLength(1);
  for (const columns of [60, 100]) {
    const screen = await doctor(columns);
    for (const line of screen.split('\n')) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(screen).toMatchSnapshot(`doctor at ${columns} columns`);
  }
});
