import { afterEach, expect, test } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import type { PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig, type RigOptions } from './rig.ts';

const FEW = Array.from({ length: 8 }, (_, address) => address);
const rigs: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(peripherals: PeripheralOptions[], second: PeripheralOptions | null, more: Partial<RigOptions> = {}) {
  const rig = createRig({ peripherals, ...more, bus: { addresses: FEW, ...more.bus } });
  rigs.push(rig);
  const other = second && rig.line.add(second, true);
  rig.bus.start();
  await rig.scanned();
  const problems = () => rig.bus.nodes().flatMap(({ address, problem }) => (problem ? [`${address} ${problem}`] : []));
  const refresh = () => rig.clock.settle(rig.bus.refresh(new AbortController().signal), 60_000);
  return { ...rig, other, problems, refresh };
}

const OTHERS: PeripheralOptions[] = [1, 3, 4, 6].map((address) => ({ address }));
const SECOND = { address: 0, serialNumber: 77 };

test.each([
  ['well after the first one', 3, 60, []],
  ['long after the first one', 5, 150, []],
  ['well after the first one, among others', 3, 60, OTHERS],
  ['as one of them pleases', { minMs: 3, maxMs: 80 }, { minMs: 3, maxMs: 80 }, OTHERS],
] as const)('two peripherals with one address, the second of which answers %s', async (_name, turnaround, secondTurnaround, others) => {
  const rig = await start([{ address: 0, turnaround }, ...others], { ...SECOND, turnaround: secondTurnaround });
  await rig.clock.until(() => rig.problems().includes('0 address_clash'), 120_000);
  await rig.clock.advance(30_000);
  // Nothing false is said of the others.
  expect(rig.problems()).toEqual(['0 address_clash']);
  for (const { address } of others) expect(rig.node(address)).toMatchObject({ available: true, tamper: false });
  expect(rig.log.lines.filter(({ event }) => event === 'osdp_address_clash')).toMatchObject([{ level: 'warn', address: 0 }]);
});

test.each([
  ['over the long answers of the first one', 3, 16, []],
  ['over the long answers of the first one, among others', 3, 16, OTHERS],
  ['into the next question', 3, 22, OTHERS],
] as const)('two peripherals with one address, the second of which talks %s', async (_name, turnaround, secondTurnaround, others) => {
  const rig = await start([{ address: 0, turnaround }, ...others], { ...SECOND, turnaround: secondTurnaround });
  await rig.clock.until(() => rig.problems().includes('0 garbled'), 60_000);
  await rig.clock.advance(60_000);
  expect(rig.problems()).toEqual(['0 garbled']);
  expect(rig.node(0)!.available).toBe(true);
  for (const { address } of others) expect(rig.node(address)).toMatchObject({ available: true, tamper: false });
  rig.other!.remove();
  await rig.clock.until(() => rig.problems().length === 0, 180_000);
  expect(rig.node(0)).toMatchObject({ available: true, tamper: false });
});

test.each([16, 60])('of two that are both taken away nothing is left but a silent node (%i ms)', async (turnaround) => {
  const rig = await start([{ address: 0 }, ...OTHERS], { ...SECOND, turnaround });
  await rig.clock.until(() => rig.problems().length > 0, 120_000);
  rig.other!.remove();
  rig.line.peripheral(0).remove();
  await rig.clock.until(() => !rig.node(0)!.available, 60_000);
  await rig.clock.until(() => rig.problems().length === 0, 180_000);
  expect(rig.node(0)).toMatchObject({ available: false, problem: null });
});

test('a clash is over when one of the two is gone', async () => {
  const rig = await start([{ address: 0 }], { ...SECOND, turnaround: 60 });
  await rig.clock.until(() => rig.problems().length > 0, 120_000);
  rig.other!.remove();
  await rig.clock.until(() => rig.problems().length === 0, 180_000);
  expect(rig.node(0)).toMatchObject({ available: true, problem: null });
});

test.each<[string, Omit<PeripheralOptions, 'address'>, RigOptions['bus']]>([
  ['is slower than the standard allows', { turnaround: { minMs: 215, maxMs: 260 } }, {}],
  ['is slow, and the bus waits', { turnaround: { minMs: 215, maxMs: 260 } }, { replyTimeoutMs: 400 }],
  ['is often late', { faults: { late: { rate: 0.5, byMs: 300 } } }, {}],
  ['is far too late', { faults: { late: { rate: 0.5, byMs: 1_500 } } }, {}],
  ['is busy half of the time', { faults: { busyRate: 0.5 } }, {}],
  ['loses a third of its answers', { faults: { dropRate: 0.3 } }, {}],
])('a single peripheral that %s is no clash', async (_name, peripheral, bus) => {
  const rig = await start([{ address: 5, ...peripheral }, ...OTHERS], null, { bus: bus! });
  for (let minute = 0; minute < 5; minute++) {
    await rig.clock.advance(60_000);
    expect(rig.problems()).toEqual([]);
  }
});

test('two devices that answer in turn', async () => {
  const rig = await start([{ address: 5, serialNumber: 1 }], null);
  const turn = async (serialNumber: number) => {
    rig.line.peripheral(5).restart({ serialNumber });
    await rig.refresh();
    await rig.clock.until(() => rig.node(5)!.serialNumber === String(serialNumber), 5_000);
  };
  await turn(2);
  await turn(1);
  // Swapped, and swapped back.
  expect(rig.problems()).toEqual([]);
  await turn(2);
  expect(rig.problems()).toEqual(['5 address_clash']);
  await rig.clock.until(() => rig.problems().length === 0, 3 * DEFAULT_TIMINGS.factsIntervalMs);
});

test('one that sends each answer twice', async () => {
  const rig = await start([{ address: 5, faults: { repeatTimes: 2 } }], null);
  await rig.clock.until(() => rig.problems().length > 0, 60_000);
  expect(rig.problems()).toEqual(['5 address_clash']);
  expect(rig.node(5)).toMatchObject({ available: true, tamper: false });
});
