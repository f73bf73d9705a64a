import { afterEach, expect, test } from 'vitest';
import { createNodeTable } from '../../../../agent/nodes/table.ts';
import { createMemoryFiles } from '../../../support/memory-files.ts';
import type { Capability, PeripheralFaults, PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig } from './rig.ts';

const PDID = 0x45;
const PDCAP = 0x46;
const LSTATR = 0x48;
const ISTATR = 0x49;
const FEW = Array.from({ length: 8 }, (_, address) => address);
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A bus with its table, an odd peripheral at address 5, and an ordinary one beside it. */
async function start(odd: Omit<PeripheralOptions, 'address'>, files = createMemoryFiles()) {
  const rig = createRig({ peripherals: [{ address: 2 }, { address: 5, ...odd }], bus: { addresses: FEW } });
  const table = createNodeTable({ buses: [rig.bus], files, stateDirectory: '/state', clock: rig.clock, log: rig.log });
  ends.push(async () => {
    await table.stop();
    await rig.stop();
  });
  await table.start();
  await rig.clock.advance(60_000);
  const nodes = async () => (await table.getNodes({ refresh: false }, new AbortController().signal)).nodes;
  const node = async (address: string) => (await nodes()).find((each) => each.address === address);
  return { ...rig, table, files, nodes, node, errors: () => rig.log.lines.filter(({ level }) => level === 'error') };
}

const WHOLE = { available: true, tamper: false, problem: null };

test.each<[string, PeripheralFaults, object | undefined]>([
  ['a PDCAP with a byte too many', { oddLength: { code: PDCAP, by: 1 } }, { ...WHOLE, vendor: '5eca00' }],
  ['a PDCAP that is cut in a line', { oddLength: { code: PDCAP, by: -1 } }, { ...WHOLE, vendor: '5eca00' }],
  ['an empty PDCAP', { oddLength: { code: PDCAP, by: -99 } }, { ...WHOLE, capabilities: [] }],
  ['a PDID that is longer', { oddLength: { code: PDID, by: 20 } }, { ...WHOLE, vendor: '5eca00', firmwareVersion: '2.7.19' }],
  ['a PDID that is too short', { oddLength: { code: PDID, by: -1 } }, { ...WHOLE, vendor: null, serialNumber: null }],
  ['an LSTATR that is too short', { oddLength: { code: LSTATR, by: -1 } }, { available: true, tamper: null, powerFault: null }],
  ['an ISTATR that fills a frame', { oddLength: { code: ISTATR, by: 1_400 } }, { inputs: ['inactive', 'inactive'] }],
  ['an empty ISTATR', { oddLength: { code: ISTATR, by: -2 } }, { inputs: ['unknown', 'unknown'] }],
  ['BUSY for ever', { busyRate: 1 }, { vendor: null, tamper: null, security: null }],
  ...[0, 7, 8, 200, 255].map((code): [string, PeripheralFaults, object] => [
    `NAK ${code} to everything`,
    { alwaysNak: code },
    { available: true, vendor: null, tamper: null, problem: null },
  ]),
  ['frames that are no replies', { asCommand: true }, undefined],
])('one that sends %s', async (_name, faults, expected) => {
  const rig = await start({ faults });
  const node = await rig.node('5');
  if (expected) expect(node).toMatchObject(expected);
  else expect(node).toBeUndefined();
  // It costs the other one nothing.
  expect(await rig.node('2')).toMatchObject({ ...WHOLE, linkQuality: 255 });
  expect(rig.errors()).toEqual([]);
});

test('a peripheral with every function there is, and some twice, is known after a restart', async () => {
  const functions = Array.from({ length: 256 }, (_, code): Capability => [code, 1, 255]);
  const capabilities: Capability[] = [...functions, ...functions.slice(0, 100).map(([code]): Capability => [code, 9, 9])];
  const rig = await start({ capabilities, check: 'as_asked' });
  const node = await rig.node('5');
  expect(node!.capabilities).toHaveLength(256);
  expect(node!.capabilityCounts).toEqual(functions.map(([, , count]) => count));
  expect(node!.inputs).toHaveLength(255);
  await rig.table.stop();
  const again = createNodeTable({ buses: [], files: rig.files, stateDirectory: '/state', clock: rig.clock, log: rig.log });
  await again.start();
  await again.stop();
  const kept = JSON.parse(rig.files.content.get('/state/nodes.json')!.toString()).nodes as { address: string; capabilities: string[] }[];
  expect(kept.find(({ address }) => address === '5')!.capabilities).toHaveLength(256);
});

test('one that answers under the address of another makes a clash there, and nothing else', async () => {
  const rig = await start({ faults: { wrongAddress: 2 } });
  expect(await rig.node('2')).toMatchObject({ available: true, serialNumber: String(0x10_0002), problem: 'address_clash' });
  expect(await rig.node('5')).toBeUndefined();
  expect(await rig.nodes()).toHaveLength(1);
});
