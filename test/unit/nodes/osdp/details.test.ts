import { afterEach, expect, test } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import type { PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig, RIG_EPOCH_MS, type RigOptions } from './rig.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const FEW = Array.from({ length: 8 }, (_, address) => address);
const rigs: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(peripheral: Omit<PeripheralOptions, 'address'>, bus: RigOptions['bus'] = {}, more: Partial<RigOptions> = {}) {
  const rig = createRig({ peripherals: [{ address: 5, ...peripheral }], ...more, bus: { addresses: FEW, ...bus } });
  rigs.push(rig);
  rig.bus.start();
  await rig.scanned();
  const node = () => rig.node(5)!;
  return {
    ...rig,
    facts: node,
    peripheral: () => rig.line.peripheral(5),
    isoNow: () => new Date(RIG_EPOCH_MS + rig.clock.nowMs()).toISOString(),
    /** Everything that is asked at leisure was asked. */
    told: () => rig.clock.until(() => (node().inputs ?? node().outputs ?? null) !== null, 10_000),
  };
}

const CONTACTS: PeripheralOptions['capabilities'] = [
  [1, 3, 2],
  [2, 1, 1],
  [16, 2, 0],
];

test('a peripheral tells its versions, each function with level and number, and how inputs and outputs are', async () => {
  const rig = await start({ version: 7, capabilities: CONTACTS!, inputs: [1, 0], outputs: [1] });
  await rig.clock.until(() => rig.facts().outputs != null, 10_000);
  expect(rig.facts()).toMatchObject({
    hardwareVersion: '7',
    osdpVersion: 'sia_2.2',
    inputs: ['active', 'inactive'],
    outputs: ['active'],
    lastCardAt: null,
  });
  // Function 8, the check, is the twin's own; function 9 is not there.
  expect(rig.facts()).toMatchObject({
    capabilities: ['contact_status_monitoring', 'output_control', 'check_character_support', 'osdp_version'],
    capabilityLevels: [3, 1, 1, 2],
    capabilityCounts: [2, 1, 0, 0],
  });
});

test.each([
  [0, null],
  [1, 'iec_60839_11_5'],
  [2, 'sia_2.2'],
  [9, null],
] as const)('OSDP version %i is told as %s', async (compliance, version) => {
  expect((await start({ capabilities: [[16, compliance, 0]] })).facts().osdpVersion).toBe(version);
});

test('a door contact shows with the next poll, and is no event however often it changes', async () => {
  const rig = await start({});
  await rig.told();
  let events = 0;
  rig.bus.onEvent(({ kind }) => {
    if (kind === 'node') events += 1;
  });
  for (let change = 1; change <= 40; change++) {
    rig.peripheral().setInputs([change % 2, 0]);
    await rig.clock.until(() => rig.facts().inputs![0] === (change % 2 ? 'active' : 'inactive'), 1_500);
  }
  rig.peripheral().setOutputs([1]);
  await rig.clock.until(() => rig.facts().outputs![0] === 'active', 1_500);
  expect(events).toBe(0);
});

test.each([
  ['short, open and fault', [2, 3], ['short', 'open']],
  ['what is reserved, and what is of the maker', [6, 0x80], ['unknown', 'unknown']],
  ['fewer than there are', [1], ['active', 'unknown']],
  ['more than there are', [1, 0, 1, 1, 0, 1, 0, 0], ['active', 'inactive']],
])('inputs that tell %s', async (_name, inputs, states) => {
  const rig = await start({ capabilities: CONTACTS!, inputs });
  await rig.told();
  expect(rig.facts().inputs).toEqual(states);
});

test('one that does not report its changes is asked again', async () => {
  const rig = await start({ reportsChanges: false });
  await rig.told();
  rig.peripheral().setInputs([1, 1]);
  await rig.clock.advance(10_000);
  expect(rig.facts().inputs).toEqual(['inactive', 'inactive']);
  await rig.clock.until(() => rig.facts().inputs![1] === 'active', DEFAULT_TIMINGS.statesIntervalMs + 10_000);
});

test('one without inputs has none, and one that refuses to tell them is not asked for ever', async () => {
  const rig = await start({ capabilities: [[1, 1, 2]], inputs: [] });
  await rig.clock.advance(30_000);
  expect(rig.facts()).toMatchObject({ capabilityCounts: [2, 0], inputs: null, outputs: null });
  rig.line.resetStats();
  let asked = 0;
  rig.line.onFrame(({ from, bytes }) => {
    if (from === 'panel' && bytes[5] === 0x65) asked += 1;
  });
  await rig.clock.advance(60_000);
  expect(asked).toBe(0);
  expect(rig.node(5)).toMatchObject({ available: true, tamper: false });
});

test('with an own key inputs, outputs and cards count in the channel alone', async () => {
  const secureChannel = { key: Buffer.from(OWN_KEY, 'hex') };
  const keys = new Map([[5, new Secret(OWN_KEY)]]);
  const rig = await start({ secureChannel, inputs: [1, 1] }, { keys });
  await rig.told();
  expect(rig.node(5)).toMatchObject({ security: 'secured', inputs: ['active', 'active'] });
  // Another one takes its place, and has no key.
  rig.peripheral().remove();
  const other = rig.line.add({ address: 5, serialNumber: 99, inputs: [0, 1] });
  other.presentCard('101');
  await rig.clock.until(() => rig.node(5)!.securityReason !== null, 60_000);
  other.setInputs([1, 0]);
  await rig.clock.advance(20_000);
  expect(rig.facts()).toMatchObject({ inputs: null, outputs: null, lastCardAt: null });
});

test('where the bus requires security, nothing of it is believed in clear', async () => {
  const rig = await start({ inputs: [1, 1] }, { requireSecurity: true });
  rig.peripheral().presentCard('101');
  await rig.clock.advance(20_000);
  const nothing = { hardwareVersion: null, osdpVersion: null, capabilityLevels: [], inputs: null, outputs: null, lastCardAt: null };
  expect(rig.node(5)).toMatchObject({ available: true, securityReason: 'no_own_key', ...nothing });
});

test('of a card its time is kept and nothing else', async () => {
  const rig = await start({});
  await rig.clock.advance(3_000);
  const before = JSON.stringify({ ...rig.node(5), lastSeen: null });
  rig.peripheral().presentCard('1100101011111110');
  await rig.clock.until(() => rig.facts().lastCardAt !== null, 2_000);
  expect(rig.facts().lastCardAt).toBe(rig.node(5)!.lastSeen);
  const after = JSON.stringify({ ...rig.node(5), lastSeen: null, lastCardAt: null });
  expect(after).toBe(before);
  rig.peripheral().restart({ serialNumber: 4711 });
  await rig.clock.until(() => rig.node(5)!.serialNumber === '4711', DEFAULT_TIMINGS.factsIntervalMs + 10_000);
  expect(rig.facts().lastCardAt).toBeNull();
});

test('the link is as good as the share of questions that are answered', async () => {
  const rig = await start({}, {}, { line: { seed: 3 } });
  await rig.clock.advance(60_000);
  expect(rig.node(5)!.linkQuality).toBe(255);
  rig.peripheral().setFaults({ dropRate: 0.3 });
  await rig.clock.advance(120_000);
  expect(rig.node(5)!.linkQuality).toBeGreaterThan(140);
  expect(rig.node(5)!.linkQuality).toBeLessThan(215);
  rig.peripheral().setFaults({ dropRate: 0 });
  await rig.clock.advance(120_000);
  expect(rig.node(5)!.linkQuality).toBe(255);
  // Of a silent one only the questions until it was given up count.
  rig.peripheral().remove();
  await rig.clock.advance(600_000);
  expect(rig.node(5)).toMatchObject({ available: false, linkQuality: expect.any(Number) });
  expect(rig.node(5)!.linkQuality).toBeGreaterThan(150);
});

test.each(['checksum_only', 'checksum_or_nak'] as const)(
  '%s: a question that it never understood is no fault of the line',
  async (check) => {
    const rig = await start({ check });
    await rig.clock.until(() => rig.node(5)?.linkQuality != null, 60_000);
    expect(rig.node(5)!.linkQuality).toBe(255);
  },
);
