import { afterEach, expect, test } from 'vitest';
import type { BusEvent } from '../../../../../agent/nodes/bus.ts';
import { createOsdpBus } from '../../../../../agent/nodes/osdp/bus/osdp-bus.ts';
import { DEFAULT_TIMINGS } from '../../../../../agent/nodes/osdp/bus/timings.ts';
import { HubError, isHubError } from '../../../../../agent/system/errors.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import { demoPeripherals } from '../../../../twins/osdp-line/index.ts';
import { createRig, type RigOptions } from '../rig.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const ownKey = Buffer.from(OWN_KEY, 'hex');
const rigs: { stop(): Promise<void> }[] = [];

function rigOf(options: RigOptions) {
  const rig = createRig(options);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

const few = Array.from({ length: 16 }, (_, address) => address);
const available = (rig: ReturnType<typeof createRig>) => rig.bus.nodes().flatMap((node) => (node.available ? [Number(node.address)] : []));

async function refresh(rig: ReturnType<typeof createRig>, withinMs = 60_000) {
  let result: 'done' | unknown = null;
  rig.bus.refresh(new AbortController().signal).then(
    () => {
      result = 'done';
    },
    (error: unknown) => {
      result = error;
    },
  );
  const tookMs = await rig.clock.until(() => result !== null, withinMs);
  return { result, tookMs };
}

test('a first pass finds everybody, slow and secured ones too, and the polls that follow tell the rest', async () => {
  const rig = rigOf({ peripherals: demoPeripherals() });
  rig.bus.start();
  expect(rig.bus.scanComplete()).toBe(false);
  await rig.scanned();
  expect(available(rig)).toEqual([1, 5, 17, 42, 77, 120]);
  await rig.clock.advance(1_000);
  expect(rig.node(5)).toMatchObject({
    nodeId: 'rs485/5',
    protocol: 'osdp',
    vendor: '5eca00',
    model: '1',
    serialNumber: String(0xdeadbeef),
    firmwareVersion: '2.7.19',
    security: 'none',
    tamper: false,
    powerFault: false,
    linkQuality: null,
  });
  expect(rig.node(5)!.capabilities).toContain('readers');
  expect(rig.node(17)).toMatchObject({ tamper: true });
  expect(rig.node(42)).toMatchObject({ security: 'required', tamper: null, powerFault: null });
});

test('the same on a two-wire line that echoes', async () => {
  const rig = rigOf({ peripherals: demoPeripherals(), baudRate: 115200, line: { echo: true } });
  rig.bus.start();
  await rig.scanned();
  expect(available(rig)).toEqual([1, 5, 17, 42, 77, 120]);
});

test('a checksum in answer to a CRC is taken', async () => {
  const rig = rigOf({
    peripherals: [
      { address: 3, check: 'always_crc' },
      { address: 4, mark: true },
    ],
    bus: { addresses: few },
  });
  rig.bus.start();
  await rig.scanned();
  expect(available(rig)).toEqual([3, 4]);
});

test('tamper and power changes are told as they happen', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }, { address: 6, reportsChanges: false }], bus: { addresses: few } });
  const told: string[] = [];
  rig.bus.onEvent((event: BusEvent) => {
    if (event.kind === 'node') told.push(`${event.node.address} ${event.node.tamper} ${event.node.powerFault}`);
  });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(1_000);
  told.length = 0;
  rig.line.peripheral(5).setTampered(true);
  await rig.clock.until(() => told.includes('5 true false'), 1_000);
  rig.line.peripheral(6).setPowerFault(true);
  await rig.clock.until(() => told.includes('6 false true'), 6_500);
  const count = told.length;
  await rig.clock.advance(20_000);
  expect(told.length).toBe(count);
});

test('a tamper that is not reported is asked for in time, however many addresses are silent', async () => {
  const rig = rigOf({ peripherals: [{ address: 90, reportsChanges: false }] });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(20_000);
  rig.line.peripheral(90).setTampered(true);
  await rig.clock.until(() => rig.node(90)?.tamper === true, DEFAULT_TIMINGS.statusIntervalMs + 1_500);
});

test('a peripheral is off-line after eight seconds of silence, not before, and is found again when it returns', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }, { address: 6 }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  const lastSeen = () => rig.node(5)!.lastSeen;
  rig.line.peripheral(5).setFaults({ silent: true });
  await rig.clock.advance(7_000);
  expect(rig.node(5)!.available).toBe(true);
  await rig.clock.until(() => !rig.node(5)!.available, 3_000);
  const seen = lastSeen();
  await rig.clock.advance(5_000);
  expect(lastSeen()).toBe(seen);
  expect(rig.node(6)!.available).toBe(true);
  expect(rig.node(5)).toMatchObject({ vendor: '5eca00' });
  rig.line.peripheral(5).setFaults({ silent: false });
  await rig.clock.until(() => rig.node(5)!.available, 2_500);
});

test('a peripheral that comes later is found in the background', async () => {
  const rig = rigOf({ peripherals: [], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  expect(rig.bus.nodes()).toEqual([]);
  rig.line.add({ address: 9, turnaround: 180 });
  await rig.clock.until(() => rig.node(9)?.available === true, few.length * 700);
});

test('another peripheral at the same address is taken for what it is', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, serialNumber: 1, tampered: true }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(1_000);
  rig.line.peripheral(5).remove();
  rig.line.add({ address: 5, serialNumber: 2, model: 9 });
  await rig.clock.until(() => rig.node(5)!.serialNumber === '2' && rig.node(5)!.tamper === false, 8_000);
  expect(rig.node(5)).toMatchObject({ model: '9', available: true });
  expect(rig.log.events()).toContain('osdp_pd_replaced');
});

test('one that refuses its identity does not inherit that of the one before it', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, serialNumber: 1 }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(1_000);
  expect(rig.bus.refusesIdentity?.('5')).toBe(false);
  rig.line.peripheral(5).remove();
  rig.line.add({ address: 5, faults: { alwaysNak: 3 } });
  await rig.clock.until(() => rig.node(5)!.serialNumber === null, 8_000);
  expect(rig.node(5)).toMatchObject({ available: true, vendor: null, capabilities: [], tamper: null });
  expect(rig.bus.refusesIdentity?.('5')).toBe(true);
});

test('busy for a while: asked again with the same sequence until it has time', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, faults: { busyTimes: 6 } }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.until(() => rig.node(5)?.tamper === false, 4_000);
});

test.each([
  ['busy for ever', { busyRate: 1 }],
  ['refusing everything', { alwaysNak: 3 }],
  ['always out of sequence', { alwaysNak: 4 }],
  ['always a wrong check', { badCheckRate: 1 }],
  ['torn answers', { truncateTo: 7 }],
  ['each answer three times', { repeatTimes: 3 }],
  ['under another name', { wrongAddress: 99 }],
  ['silent after the first answer', { muteAfter: 1 }],
  ['half its answers lost', { dropRate: 0.5 }],
  ['always a wrong sequence number', { wrongSequence: true }],
  ['always late', { late: { rate: 1, byMs: 230 } }],
  ['babbling', { babble: { bytes: 5, everyMs: 400 } }],
])('one peripheral that misbehaves (%s) costs the others nothing but its own slot', async (_name, faults) => {
  const rig = rigOf({ peripherals: [{ address: 5, faults }, { address: 6 }, { address: 7 }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  rig.line.resetStats();
  await rig.clock.advance(30_000);
  expect(available(rig)).toEqual(expect.arrayContaining([6, 7]));
  expect(rig.node(6)).toMatchObject({ tamper: false });
  // A poll a cycle each, and the cycle is not longer than the slot of the third one makes it.
  const normal = 30_000 / DEFAULT_TIMINGS.pollCycleMs;
  for (const address of [6, 7]) expect(rig.line.stats().addresses.get(address)!.replies).toBeGreaterThan(normal * 0.7);
  expect(rig.log.lines.length).toBeLessThan(200);
});

test('a late peripheral among quick ones is found by its late frame', async () => {
  const peripherals = [
    ...few.filter((address) => address % 2 === 0).map((address) => ({ address, turnaround: 3 })),
    { address: 9, turnaround: 60 },
  ];
  const rig = rigOf({ peripherals, bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  expect(available(rig)).toContain(9);
});

test('a refresh finds what came since and answers only after a whole pass', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }] });
  rig.bus.start();
  await rig.scanned();
  rig.line.add({ address: 100 });
  expect((await refresh(rig)).result).toBe('done');
  expect(rig.node(100)).toMatchObject({ available: true, tamper: false });
});

test('a refresh that is no longer wanted, or cannot be had, says so', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }], bus: { addresses: few } });
  const controller = new AbortController();
  await expect(rig.bus.refresh(controller.signal)).rejects.toMatchObject({ code: 'bus_unavailable' });
  rig.bus.start();
  await rig.scanned();
  const wanted = rig.bus.refresh(controller.signal);
  controller.abort();
  await expect(wanted).rejects.toMatchObject({ code: 'aborted' });
  await expect(rig.bus.refresh(controller.signal)).rejects.toMatchObject({ code: 'aborted' });
  rig.port.yank();
  await rig.clock.advance(500);
  await expect(rig.bus.refresh(new AbortController().signal)).rejects.toMatchObject({ code: 'bus_unavailable' });
});

test('the baud rate is found by itself, and found again when the line is set to another', async () => {
  const peripherals = [{ address: 5 }, { address: 6 }];
  const rig = rigOf({ peripherals, baudRate: 38400, bus: { addresses: few, baudRate: 'auto' } });
  rig.bus.start();
  await rig.scanned();
  expect(available(rig)).toEqual([5, 6]);
  expect(rig.port.baudRate).toBe(38400);
  for (const peripheral of peripherals) {
    rig.line.peripheral(peripheral.address).remove();
    rig.line.add({ ...peripheral, baudRate: 115200 });
  }
  await rig.clock.until(() => rig.port.baudRate === 115200 && available(rig).length === 2, 180_000);
  expect(rig.bus.status().state).toBe('up');
});

test('with nobody on the line every baud rate is tried before the scan counts as complete', async () => {
  const rig = rigOf({ peripherals: [], bus: { addresses: few, baudRate: 'auto' } });
  rig.bus.start();
  await rig.scanned();
  expect(rig.port.opens).toBeGreaterThanOrEqual(6);
  expect((await refresh(rig)).result).toBe('done');
});

test('the port missing at start, then there', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }], bus: { addresses: few } });
  rig.port.problem = { reason: 'permission', message: 'the port may not be opened' };
  rig.bus.start();
  expect(rig.bus.status()).toEqual({ id: 'rs485', protocol: 'osdp', state: 'starting' });
  await rig.clock.until(() => rig.bus.status().state === 'unavailable', 1_000);
  expect(rig.bus.status().error).toEqual({ code: 'bus_unavailable', message: 'the port may not be opened', reason: 'permission' });
  await rig.clock.advance(60_000);
  expect(rig.log.events().filter((event) => event === 'bus_unavailable').length).toBe(1);
  rig.port.problem = null;
  await rig.clock.until(() => rig.bus.status().state === 'up', 2_500);
  await rig.scanned();
  expect(available(rig)).toEqual([5]);
});

test('pulled out in the middle of a frame and put back: seen at once, nodes lost only after eight seconds, healed by itself', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  for (let round = 0; round < 100; round++) {
    await rig.clock.advance(37 + round);
    rig.port.yank();
    await rig.clock.until(() => rig.bus.status().state === 'unavailable', 1_000);
    await rig.clock.advance(round);
    rig.port.replug();
    await rig.clock.until(() => rig.bus.status().state === 'up', 5_000);
    expect(rig.node(5)!.available).toBe(true);
  }
  rig.port.yank();
  await rig.clock.until(() => !rig.node(5)!.available, 11_000);
  rig.port.replug();
  await rig.clock.until(() => rig.node(5)!.available, 5_000);
});

test('a dead port that only a write shows is found by the next poll, on an empty line too', async () => {
  const rig = rigOf({ peripherals: [], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(3_000);
  rig.port.spinning = true;
  await rig.clock.until(() => rig.bus.status().state === 'unavailable', 1_000);
  rig.port.replug();
  await rig.clock.until(() => rig.bus.status().state === 'up', 5_000);
});

test('stopping ends everything at once, wherever the bus is, and it can start again', async () => {
  const rig = rigOf({ peripherals: [{ address: 5 }] });
  for (const afterMs of [0, 5, 300, 20_000]) {
    rig.bus.start();
    await rig.clock.advance(afterMs);
    await rig.bus.stop();
    expect(rig.port.isOpen).toBe(false);
    expect(rig.bus.status().state).toBe('stopped');
  }
  rig.line.stop();
  expect(rig.clock.timers).toBe(0);
});

test('without opt-in the default key is not used', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, secureChannel: { acceptsDefaultKey: true } }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  expect(rig.node(5)).toMatchObject({ security: 'none', tamper: false });
  expect(rig.line.peripheral(5).secureChannelActive).toBe(false);
});

test('with opt-in the default key protects the link and is reported as what it is', async () => {
  const secureChannel = { required: true, acceptsDefaultKey: true };
  const rig = rigOf({ peripherals: [{ address: 5, secureChannel }], bus: { addresses: few, allowDefaultKey: true } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  expect(rig.node(5)).toMatchObject({ security: 'default_key', tamper: false });
  expect(rig.line.peripheral(5).secureChannelActive).toBe(true);
});

const secured = (over: object = {}, busOver: object = {}): RigOptions => ({
  peripherals: [{ address: 5, secureChannel: { required: true, key: ownKey, ...over } }],
  bus: { addresses: few, keys: new Map([[5, new Secret(OWN_KEY)]]), ...busOver },
});

test.each([
  ['as the standard says', {}],
  ['with data replies that are only signed', { leavesDataInClear: true }],
  ['with a peripheral that answers clear text inside the channel', { answersClearInside: true }],
  ['with another client identifier', { clientId: Buffer.from('0102030405060708', 'hex') }],
])('an own key secures the link (%s)', async (_name, over) => {
  const rig = rigOf(secured(over));
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(30_000);
  expect(rig.node(5)).toMatchObject({ security: 'secured', tamper: false, available: true });
  expect(rig.log.events().filter((event) => event === 'osdp_channel_open').length).toBe(1);
});

test.each([
  ['a power cycle', 0],
  ['more than eight seconds of silence', 9_000],
])('the channel is set up anew after %s', async (_name, silentMs) => {
  const rig = rigOf(secured());
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  const pd = rig.line.peripheral(5);
  if (silentMs === 0) pd.powerCycle();
  else pd.setFaults({ silent: true });
  await rig.clock.advance(silentMs);
  pd.setFaults({ silent: false });
  await rig.clock.until(
    () => pd.secureChannelActive && rig.log.events().filter((event) => event === 'osdp_channel_open').length === 2,
    6_000,
  );
  await rig.clock.advance(1_000);
  expect(rig.node(5)).toMatchObject({ security: 'secured', available: true });
});

test.each([false, true])(
  'noise, loss and BUSY inside the channel do not end it for good (clear text answered inside: %s)',
  async (answersClearInside) => {
    const rig = rigOf(secured({ answersClearInside }));
    rig.line.noise.flipRate = 0.002;
    rig.line.peripheral(5).setFaults({ dropRate: 0.1, busyRate: 0.1 });
    rig.bus.start();
    await rig.scanned();
    await rig.clock.advance(60_000);
    rig.line.noise.flipRate = 0;
    rig.line.peripheral(5).setFaults({ dropRate: 0, busyRate: 0 });
    await rig.clock.advance(10_000);
    expect(rig.node(5)).toMatchObject({ security: 'secured', available: true, tamper: false });
  },
);

test.each([
  ['wrong', { key: Buffer.alloc(16, 7) }, 'required'],
  ['not installed', { key: null, acceptsDefaultKey: false }, 'required'],
  ['wrong where none is needed', { key: Buffer.alloc(16, 7), required: false }, 'none'],
])('a key that is %s never falls back to the default one, and is reported', async (_name, over, security) => {
  const rig = rigOf(secured(over, { allowDefaultKey: true }));
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(70_000);
  expect(rig.node(5)).toMatchObject({ security, available: true, vendor: '5eca00' });
  const refusals = rig.log.lines.filter((line) => line.event === 'osdp_channel_refused');
  expect(refusals.filter((line) => line.level === 'warn').length).toBe(1);
  expect(JSON.stringify(rig.log.lines)).not.toContain(OWN_KEY);
});

const HOUR_MS = 3_600_000;

test.each([
  ['a wrong key', { key: Buffer.alloc(16, 7) }, {}, 'required', 'wrong_key'],
  ['a wrong key where none is needed', { key: Buffer.alloc(16, 7), required: false }, {}, 'none', 'wrong_key'],
  ['no answer to the challenge', { required: false }, { ignoresChallenge: true }, 'none', 'no_answer'],
  ['no answer to the challenge, and the channel required', {}, { ignoresChallenge: true }, 'required', 'no_answer'],
  ['nothing but wrong MACs', { required: false }, { badMacTimes: 1e9 }, 'none', 'invalid'],
])(
  '%s: polled in clear, reported as what it is, and no news in an hour of trying',
  async (_name, over, faults, security, securityReason) => {
    const options = secured(over);
    const bus = { ...options.bus, addresses: [5] };
    const rig = rigOf({ peripherals: [{ ...options.peripherals[0]!, faults }], line: { deliveryMs: 20 }, bus });
    rig.bus.start();
    await rig.scanned();
    await rig.clock.advance(120_000);
    expect(rig.node(5)).toMatchObject({ security, securityReason, tamper: null, available: true });
    let told = 0;
    rig.bus.onEvent((event) => {
      if (event.kind === 'node') told++;
    });
    rig.line.resetStats();
    await rig.clock.advance(HOUR_MS);
    expect(told).toBe(0);
    expect(rig.node(5)).toMatchObject({ security, securityReason, tamper: null, available: true });
    expect(rig.line.stats().addresses.get(5)!.replies).toBeGreaterThan(5_000);
    expect(rig.log.lines.filter((line) => line.level === 'warn' && line.event === 'osdp_channel_refused').length).toBe(1);
    expect(rig.log.events()).not.toContain('osdp_channel_open');
  },
);

test('one wrong MAC inside the channel is logged, and the channel is set up anew', async () => {
  const rig = rigOf(secured());
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  const pd = rig.line.peripheral(5);
  const seen = rig.node(5)!.lastSeen;
  pd.setFaults({ badMacTimes: 1 });
  await rig.clock.until(() => rig.log.events().includes('osdp_channel_broken'), 1_000);
  // Nobody vouches for that reply: it is no sighting.
  expect(rig.node(5)!.lastSeen).toBe(seen);
  await rig.clock.until(() => rig.log.events().filter((event) => event === 'osdp_channel_open').length === 2, 2_500);
  expect(pd.secureChannelActive).toBe(true);
  expect(rig.node(5)).toMatchObject({ security: 'secured', tamper: false, available: true });
  expect(rig.node(5)!.lastSeen! > seen!).toBe(true);
});

test('tamper and power are unknown once the peripheral insists on a channel that cannot be had', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, tampered: true, secureChannel: { key: ownKey } }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  expect(rig.node(5)).toMatchObject({ security: 'none', tamper: true });
  rig.line.peripheral(5).settings.secureChannel!.required = true;
  await rig.clock.until(() => rig.node(5)!.security === 'required', 6_000);
  expect(rig.node(5)).toMatchObject({ tamper: null, powerFault: null, available: true });
});

test('a full line of slow secured peripherals at 9600 baud: every channel is set up once and stays, and tamper is still seen', async () => {
  const all = Array.from({ length: 127 }, (_, address) => address);
  const rig = rigOf({
    peripherals: all.map((address) => ({ address, turnaround: 20, reportsChanges: false, secureChannel: { required: true, key: ownKey } })),
    line: { deliveryMs: 20 },
    bus: { keys: new Map(all.map((address) => [address, new Secret(OWN_KEY)])) },
  });
  rig.bus.start();
  // A pass brings the handshakes too.
  await rig.scanned(180_000);
  const opened = () => rig.log.events().filter((event) => event === 'osdp_channel_open').length;
  const told = () => rig.bus.nodes().filter((node) => node.security === 'secured' && node.tamper === false).length;
  let suspected = 0;
  rig.bus.onEvent((event) => {
    if (event.kind === 'node' && event.node.securityReason !== null) suspected++;
  });
  for (let round = 0; round < 40 && told() < 127; round++) await rig.clock.advance(10_000);
  expect(told()).toBe(127);
  // Those that wait minutes for their first handshake are not taken for devices without the key.
  expect(suspected).toBe(0);
  await rig.clock.advance(20_000);
  expect(opened()).toBe(127);
  expect(rig.log.events()).not.toContain('osdp_channel_broken');
  for (const address of [0, 126]) rig.line.peripheral(address).setTampered(true);
  const tampered = () => rig.bus.nodes().filter((node) => node.tamper === true).length;
  for (let round = 0; round < 6 && tampered() < 2; round++) await rig.clock.advance(10_000);
  expect(tampered()).toBe(2);
});

test('channels stay open through a long pass', async () => {
  const rig = rigOf({
    ...secured(),
    bus: { keys: new Map([[5, new Secret(OWN_KEY)]]), timings: { initialWindowMs: 90, minWindowMs: 90 } },
  });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  const { tookMs } = await refresh(rig);
  expect(tookMs).toBeGreaterThan(10_000);
  expect(rig.log.events().filter((event) => event === 'osdp_channel_open').length).toBe(1);
});

test('opted in to the default key, one that has an own key by now is not asked for it again and again', async () => {
  const rig = rigOf({
    peripherals: [{ address: 5, secureChannel: { required: true, key: ownKey } }],
    bus: { addresses: few, allowDefaultKey: true },
  });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(60_000);
  expect(rig.node(5)).toMatchObject({ security: 'required', available: true });
  expect(rig.log.lines.filter((line) => line.event === 'osdp_channel_refused').length).toBeLessThanOrEqual(3);
});

test('card reads and other reports disturb nothing and are not kept', async () => {
  const rig = rigOf(secured());
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(2_000);
  for (let card = 0; card < 5; card++) {
    rig.line.peripheral(5).presentCard('110010101111000011110000');
    await rig.clock.advance(1_000);
  }
  expect(rig.node(5)).toMatchObject({ security: 'secured', available: true });
  const reports = rig.log.lines.filter((line) => line.event === 'osdp_report');
  expect(reports.length).toBe(5);
  expect(reports[0]).toMatchObject({ level: 'debug', reply: 'cardData' });
});

test('a peripheral at an address nobody configured is named once', async () => {
  const rig = rigOf({ peripherals: [{ address: 5, faults: { wrongAddress: 99 } }], bus: { addresses: few } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(20_000);
  expect(rig.log.lines.filter((line) => line.event === 'osdp_unexpected_address')).toMatchObject([{ address: 99 }]);
});

test.each([[[]], [[127]], [[-1]], [[1.5]], [[4, 4]]])('addresses %j are a configuration error', (addresses) => {
  const make = () => createRig({ peripherals: [], bus: { addresses } });
  expect(make).toThrow(HubError);
  try {
    make();
  } catch (error) {
    expect(isHubError(error, 'config_invalid')).toBe(true);
  }
});

test('nothing happens before start', () => {
  const rig = rigOf({ peripherals: [{ address: 5 }] });
  expect(rig.port.opens).toBe(0);
  expect(rig.bus.status().state).toBe('stopped');
  expect(typeof createOsdpBus).toBe('function');
});

test('at rest nearly every answer is left in the kernel until it is complete; not while somebody watches the line', async () => {
  const rig = createRig({ peripherals: [{ address: 1 }, { address: 2 }], bus: { addresses: [1, 2] } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(10_000);
  const holdsIn = async (ms: number) => {
    const before = rig.port.holds;
    await rig.clock.advance(ms);
    return rig.port.holds - before;
  };
  // Two polls every half second.
  expect(await holdsIn(10_000)).toBeGreaterThan(36);
  const end = rig.bus.onTrace!(() => {});
  expect(await holdsIn(10_000)).toBeLessThan(2);
  end();
  expect(await holdsIn(10_000)).toBeGreaterThan(36);
  expect(rig.bus.nodes().map(({ available }) => available)).toEqual([true, true]);
  await rig.stop();
});

test('a line whose cycles take all the time is not slowed down', async () => {
  const peripherals = Array.from({ length: 40 }, (_, address) => ({ address }));
  const rig = createRig({ peripherals, bus: { addresses: peripherals.map(({ address }) => address) } });
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(20_000);
  expect(rig.port.holds).toBe(0);
  await rig.stop();
});
