import { afterEach, expect, test } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import type { PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig, type RigOptions } from './rig.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const KEY = Buffer.from(OWN_KEY, 'hex');
const FEW = Array.from({ length: 8 }, (_, address) => address);
const keys = new Map([[5, new Secret(OWN_KEY)]]);
const rigs: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

/** A line with one peripheral at address 5, or none, and its bus running. */
async function start(peripheral: Omit<PeripheralOptions, 'address'> | null, bus: RigOptions['bus'] = {}, more: Partial<RigOptions> = {}) {
  const peripherals = peripheral ? [{ address: 5, ...peripheral }] : [];
  const rig = createRig({ peripherals, ...more, bus: { addresses: FEW, ...bus } });
  rigs.push(rig);
  rig.bus.start();
  await rig.scanned();
  return rig;
}

async function refresh({ bus, clock }: Awaited<ReturnType<typeof start>>, withinMs = 60_000) {
  const fromMs = clock.nowMs();
  await clock.settle(bus.refresh(new AbortController().signal), withinMs);
  return clock.nowMs() - fromMs;
}

/** Every silent address is asked in every way within this. */
const ALL_WAYS_MS = 60_000;
const READ = { available: true, vendor: '5eca00', firmwareVersion: '2.7.19', tamper: false };

test.each([
  ['understands checksums alone', { check: 'checksum_only' }],
  ['understands checksums alone, and answers a CRC by NAK 1', { check: 'checksum_or_nak' }],
  ['understands CRC alone', { check: 'crc_only' }],
  ['is silent until it was polled', { waitsForPoll: true }],
  ['is silent until it was polled with a checksum', { waitsForPoll: true, check: 'checksum_only' }],
] as [string, Omit<PeripheralOptions, 'address'>][])('a peripheral that %s is found, and stays', async (_name, peripheral) => {
  const rig = await start({ ...peripheral });
  await rig.clock.until(() => rig.node(5)?.tamper === false, ALL_WAYS_MS);
  expect(rig.node(5)).toMatchObject(READ);
  expect(rig.node(5)!.capabilities).toContain('readers');
  rig.line.resetStats();
  await rig.clock.advance(30_000);
  expect(rig.node(5)!.available).toBe(true);
  // It is polled in each cycle: nothing of it goes to questions that it does not understand.
  const { requests, replies } = rig.line.stats().addresses.get(5)!;
  expect(requests).toBe(replies);
  expect(replies).toBeGreaterThan(25);
});

test.each(['checksum_only', 'checksum_or_nak', 'crc_only'] as const)('%s takes the place of another: learnt anew', async (check) => {
  const rig = await start({ serialNumber: 1, check: check === 'crc_only' ? 'checksum_only' : 'crc_only' });
  await rig.clock.until(() => rig.node(5)?.tamper === false, ALL_WAYS_MS);
  rig.line.peripheral(5).remove();
  rig.line.add({ address: 5, serialNumber: 2, check });
  await rig.clock.until(() => rig.node(5)?.serialNumber === '2' && rig.node(5)?.tamper === false, ALL_WAYS_MS);
  expect(rig.node(5)).toMatchObject(READ);
});

test('one that claims CRC and does not understand it is asked with a checksum again', async () => {
  const rig = await start({ check: 'checksum_only', capabilities: [[8, 1, 0]] });
  await rig.clock.until(() => rig.node(5)?.tamper === false, ALL_WAYS_MS);
  await rig.clock.advance(20_000);
  rig.line.resetStats();
  await rig.clock.advance(30_000);
  const { requests, replies } = rig.line.stats().addresses.get(5)!;
  expect(requests).toBe(replies);
});

test('one that was found by a checksum and understands CRC is asked with a CRC from then on', async () => {
  const rig = await start({ check: 'as_asked', faults: { silent: true } });
  const asked: boolean[] = [];
  rig.line.onFrame(({ from, bytes }) => {
    if (from === 'panel' && bytes[1] === 5) asked.push((bytes[4]! & 4) !== 0);
  });
  // It begins to answer between the usual question and the other one.
  await rig.clock.until(() => asked.at(-1) === false, ALL_WAYS_MS);
  await rig.clock.until(() => asked.at(-1) === true, ALL_WAYS_MS);
  rig.line.peripheral(5).setFaults({ silent: false });
  await rig.clock.until(() => rig.node(5)?.tamper === false, ALL_WAYS_MS);
  await rig.clock.advance(5_000);
  expect(asked.slice(-5)).toEqual(Array(5).fill(true));
});

test('a refresh finds one that understands checksums alone among many silent addresses', async () => {
  const rig = await start({ check: 'checksum_only' }, { addresses: Array.from({ length: 127 }, (_, address) => address) });
  if (!rig.node(5)) await refresh(rig);
  expect(rig.node(5)).toMatchObject({ available: true });
});

test.each([
  ['understands checksums alone', { check: 'checksum_only' }],
  ['waits for a poll', { waitsForPoll: true }],
] as [string, Omit<PeripheralOptions, 'address'>][])(
  'a line whose only peripheral %s, at a rate that is looked for',
  async (_name, peripheral) => {
    const rig = createRig({ peripherals: [{ address: 5, ...peripheral }], baudRate: 115200, bus: { addresses: FEW, baudRate: 'auto' } });
    rigs.push(rig);
    rig.bus.start();
    await rig.clock.until(() => rig.node(5)?.tamper === false, 120_000);
    expect(rig.node(5)).toMatchObject(READ);
  },
);

test.each(['identity_and_capabilities', 'identity', 'nothing'] as const)(
  'with its own key one that answers %s in clear is challenged first, and tells the rest inside',
  async (inClear) => {
    const rig = createRig({
      peripherals: [{ address: 5, secureChannel: { key: KEY, required: true, inClear } }],
      bus: { addresses: FEW, keys },
    });
    rigs.push(rig);
    const inClearAsked: number[] = [];
    rig.line.onFrame(({ from, bytes }) => {
      if (from === 'panel' && bytes[1] === 5 && (bytes[4]! & 8) === 0) inClearAsked.push(bytes[5]!);
    });
    rig.bus.start();
    await rig.scanned();
    expect(rig.node(5)).toMatchObject({ ...READ, security: 'secured', securityReason: null });
    expect(rig.node(5)!.capabilities).toContain('readers');
    expect(inClearAsked).toEqual([]);
  },
);

test.each(['identity', 'nothing'] as const)('with the default key one that answers %s in clear is challenged too', async (inClear) => {
  const rig = await start({ secureChannel: { required: true, inClear } }, { allowDefaultKey: true });
  await rig.clock.until(() => rig.node(5)?.security === 'default_key', 5_000);
  expect(rig.node(5)).toMatchObject(READ);
  await rig.clock.until(() => rig.node(5)!.capabilities.length > 0, 5_000);
});

test.each([5, 6] as const)('one that has no such key and says so by NAK %i is told as that', async (missingKeyNak) => {
  const rig = await start({ secureChannel: { key: null, acceptsDefaultKey: false, missingKeyNak } }, { keys });
  await rig.clock.until(() => (rig.node(5)?.securityReason ?? null) !== null, 12_000);
  await rig.clock.until(() => rig.node(5)!.security === 'none', 5_000);
  expect(rig.node(5)!.securityReason).toBe(missingKeyNak === 6 ? 'no_key' : 'refused');
});

test('one that was restarted between two polls and does not say so is asked again who it is', async () => {
  const rig = await start({ policesSequence: false });
  await rig.clock.advance(3_000);
  rig.line.peripheral(5).restart({ firmware: [9, 9, 9] });
  await rig.clock.until(() => rig.node(5)!.firmwareVersion === '9.9.9', DEFAULT_TIMINGS.factsIntervalMs + 5_000);
  rig.line.peripheral(5).restart({ firmware: [9, 9, 10], capabilities: [[3, 1, 1]] });
  await refresh(rig);
  expect(rig.node(5)).toMatchObject({ firmwareVersion: '9.9.10', capabilities: ['card_data_format'], available: true });
});

test('a refusal of identity and capabilities expires, and no request is spent on it meanwhile', async () => {
  const rig = await start({ faults: { alwaysNak: 3 } });
  await rig.clock.advance(3_000);
  expect(rig.node(5)).toMatchObject({ available: true, vendor: null, capabilities: [] });
  rig.line.peripheral(5).setFaults({ alwaysNak: undefined as never });
  await rig.clock.until(() => rig.node(5)!.vendor !== null && rig.node(5)!.capabilities.length > 0, DEFAULT_TIMINGS.refusalMs + 5_000);
});

test("a reader's own tamper is a tamper of the node, as long as it lasts", async () => {
  const rig = await start({});
  await rig.clock.advance(3_000);
  const peripheral = rig.line.peripheral(5);
  peripheral.setReaderTampered(true);
  await rig.clock.until(() => rig.node(5)!.tamper === true, 1_500);
  // Its own switch is closed all the while.
  await rig.clock.advance(20_000);
  expect(rig.node(5)!.tamper).toBe(true);
  peripheral.setTampered(true);
  await rig.clock.advance(2_000);
  peripheral.setReaderTampered(false);
  await rig.clock.advance(10_000);
  expect(rig.node(5)!.tamper).toBe(true);
  peripheral.setTampered(false);
  await rig.clock.until(() => rig.node(5)!.tamper === false, 1_500);
});

test('a tamper of a reader that was there before, and one whose end is not reported, are asked for', async () => {
  const rig = await start({ readerTampered: true, reportsChanges: false });
  await rig.clock.until(() => rig.node(5)?.tamper === true, 5_000);
  rig.line.peripheral(5).setReaderTampered(false);
  await rig.clock.until(() => rig.node(5)!.tamper === false, DEFAULT_TIMINGS.statusIntervalMs + 1_500);
});

test('two peripherals at one address are a node of which nothing is known, with its problem, until one is left', async () => {
  const rig = createRig({ peripherals: [{ address: 0 }, { address: 3 }], bus: { addresses: FEW } });
  rigs.push(rig);
  const second = rig.line.add({ address: 0, serialNumber: 7 }, true);
  rig.bus.start();
  await rig.scanned();
  await rig.clock.until(() => rig.node(0) !== undefined, 15_000);
  expect(rig.node(0)).toMatchObject({ available: false, problem: 'garbled', vendor: null, firstSeen: null, lastSeen: null });
  const told = () => rig.log.lines.filter((line) => line.event === 'osdp_garbled_address');
  expect(told()).toMatchObject([{ level: 'warn', address: 0 }]);
  await rig.clock.advance(60_000);
  expect(told().length).toBe(1);
  expect(rig.node(3)).toMatchObject({ available: true, problem: null });
  second.remove();
  await rig.clock.until(() => rig.node(0)!.serialNumber === String(0x10_0000), 15_000);
  expect(rig.node(0)).toMatchObject({ problem: null, available: true });
  rig.line.add({ address: 0, serialNumber: 8 }, true);
  await rig.clock.until(() => rig.node(0)!.problem === 'garbled', 25_000);
  expect(rig.node(0)).toMatchObject({ available: false, serialNumber: String(0x10_0000) });
});

test('an address that was garbled and is quiet again is no node any more', async () => {
  const rig = createRig({ peripherals: [{ address: 0 }], bus: { addresses: FEW } });
  rigs.push(rig);
  const second = rig.line.add({ address: 0, serialNumber: 7 }, true);
  rig.bus.start();
  await rig.clock.until(() => rig.node(0)?.problem === 'garbled', 25_000);
  for (const one of [second, rig.line.peripheral(0)]) one.remove();
  await rig.clock.until(() => rig.node(0) === undefined, 25_000);
});

test('one that talks unasked garbles no address where nobody is', async () => {
  const rig = await start({ faults: { babble: { bytes: 5, everyMs: 60 } } });
  await rig.clock.advance(120_000);
  expect(rig.bus.nodes().filter((node) => node.problem !== null && node.address !== '5')).toEqual([]);
});

test('a slow peripheral does not come and go where the bus is told to wait for it', async () => {
  const rig = await start({ turnaround: { minMs: 215, maxMs: 260 } }, { replyTimeoutMs: 300 });
  await rig.clock.until(() => rig.node(5)?.tamper === false, ALL_WAYS_MS);
  const told: boolean[] = [];
  rig.bus.onEvent((event) => {
    if (event.kind === 'node') told.push(event.node.available);
  });
  await rig.clock.advance(300_000);
  expect(told).toEqual([]);
  expect(rig.node(5)!.available).toBe(true);
});

test('where the bus is not told, a slow peripheral is named in the log with what to do, once', async () => {
  const rig = await start({ turnaround: { minMs: 215, maxMs: 260 } });
  await rig.clock.advance(60_000);
  const warnings = rig.log.lines.filter((line) => line.event === 'osdp_late_answer' && line.level === 'warn');
  expect(warnings).toMatchObject([{ address: 5, limitMs: 200 }]);
  // One that is quick enough for the standard, though not for the window of a scan, is not named.
  const quick = await start({ turnaround: { minMs: 100, maxMs: 190 } });
  await quick.clock.advance(60_000);
  expect(quick.log.events()).not.toContain('osdp_late_answer');
});

test('a full line of secured peripherals at 38400 baud: everything known within 18 s, and again within 4 s', async () => {
  const all = Array.from({ length: 126 }, (_, address) => address);
  const rig = createRig({
    peripherals: all.map((address) => ({ address, secureChannel: { key: KEY, required: true } })),
    baudRate: 38400,
    line: { deliveryMs: 20 },
    bus: { addresses: all, keys: new Map(all.map((address) => [address, new Secret(OWN_KEY)])) },
  });
  rigs.push(rig);
  rig.bus.start();
  expect(await refresh(rig)).toBeLessThan(18_000);
  const told = () => rig.bus.nodes().filter((node) => node.security === 'secured' && node.tamper === false && node.capabilities.length > 0);
  expect(told().length).toBe(126);
  for (let round = 0; round < 3; round++) {
    await rig.clock.advance(round * 10_000);
    expect(await refresh(rig)).toBeLessThan(4_000);
  }
  expect(rig.log.events().filter((event) => event === 'osdp_channel_open').length).toBe(126);
});
