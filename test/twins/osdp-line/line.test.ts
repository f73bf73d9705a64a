import { once } from 'node:events';
import { SerialPort } from 'serialport';
import { expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { createRandom } from '../../support/random.ts';
import { createVirtualPort } from '../virtual-port/index.ts';
import { COMMAND, REPLY } from './codes.ts';
import { decodeFrame, encodeFrame, type FrameFields } from './frame.ts';
import { createOsdpLine, createPreciseClock, demoPeripherals } from './index.ts';
import type { PeripheralFaults, PeripheralOptions } from './options.ts';
import { createTestPanel, hex, toHex } from './test-panel.ts';

const ZERO = Uint8Array.of(0);
const ID_REQUEST = hex('ff53050900046100c125');
const ID_REPLY = '5385140004455eca000102efbeadde0207130d74';
const FIVE: PeripheralOptions = { address: 5, serialNumber: 0xdeadbeef, turnaround: 3 };

const panelWith = (...peripherals: PeripheralOptions[]) => createTestPanel({ baudRate: 9600, peripherals });

test('bytes take their time: the first one, the last one, and the sums are those of the wire', () => {
  const panel = panelWith(FIVE);
  const { firstByteMs, raw } = panel.exchange(ID_REQUEST);
  expect(toHex(raw)).toBe(ID_REPLY);
  expect(firstByteMs).toBeCloseTo(3 + 10_000 / 9600, 3);
  const stats = panel.line.stats();
  expect(stats).toMatchObject({ requests: 1, replies: 1, requestBytes: 10, replyBytes: 20, turnaroundMs: 3, collisions: 0 });
  expect(stats.requestWireMs + stats.replyWireMs).toBeCloseTo(31.25, 6);
  panel.line.resetStats();
  expect(panel.line.stats()).toMatchObject({ requests: 0, replyWireMs: 0 });
});

test('a reply arrives in pieces as time passes, never early', () => {
  const panel = panelWith(FIVE);
  const pieces: { atMs: number; total: number }[] = [];
  let total = 0;
  panel.line.wire.onData((bytes) => {
    total += bytes.length;
    pieces.push({ atMs: panel.clock.nowMs(), total });
  });
  panel.exchange(ID_REQUEST);
  expect(pieces.length).toBeGreaterThan(10);
  const startMs = (10 * 10_000) / 9600 + 3;
  for (const piece of pieces) expect(piece.atMs).toBeGreaterThanOrEqual(startMs + (piece.total * 10_000) / 9600 - 1e-6);
});

test('a request written in pieces is one request, and two requests queue up', () => {
  const panel = panelWith(FIVE);
  panel.line.wire.write(ID_REQUEST.subarray(0, 4));
  panel.clock.step(2);
  expect(toHex(panel.exchange(ID_REQUEST.subarray(4)).raw)).toBe(ID_REPLY);
});

test('who talks into a reply garbles both', () => {
  const panel = panelWith(FIVE, { address: 6 });
  panel.line.wire.write(ID_REQUEST);
  panel.clock.step(15);
  const { frames } = panel.exchange(
    encodeFrame({ address: 6, reply: false, sequence: 0, check: 'crc', block: null, code: COMMAND.POLL, data: hex('') }),
  );
  expect(frames).toHaveLength(0);
  expect(panel.line.stats().collisions).toBeGreaterThan(4);
  expect(panel.line.stats().addresses.get(6)?.replies ?? 0).toBe(0);
});

test('a broadcast makes everybody answer at once; alone it works', () => {
  const request = encodeFrame({ address: 0x7f, reply: false, sequence: 0, check: 'crc', block: null, code: COMMAND.ID, data: ZERO });
  const shared = panelWith({ address: 1 }, { address: 2 }, { address: 3 });
  expect(shared.exchange(request).frames).toHaveLength(0);
  expect(shared.line.stats().collisions).toBeGreaterThan(0);
  expect(panelWith({ address: 1 }).exchange(request).frames[0]!.code).toBe(REPLY.PDID);
});

test('two of the same address collide', () => {
  const panel = panelWith(FIVE);
  panel.line.add({ ...FIVE, serialNumber: 1 }, true);
  expect(panel.exchange(ID_REQUEST).frames).toHaveLength(0);
});

test('a two-wire adapter hears itself first', () => {
  const panel = createTestPanel({ baudRate: 9600, peripherals: [FIVE], echo: true });
  expect(toHex(panel.exchange(ID_REQUEST).raw)).toBe(toHex(ID_REQUEST) + ID_REPLY);
});

test('at the wrong speed nobody understands, and what is heard is garbage', () => {
  const panel = panelWith(FIVE, { address: 6, faults: { babble: { bytes: 8, everyMs: 100 } } });
  panel.line.setPanelBaudRate(19_200);
  const { frames, raw } = panel.exchange(ID_REQUEST);
  expect(frames).toHaveLength(0);
  expect(raw.length).toBeGreaterThan(0);
  expect(panel.line.stats().replies).toBe(0);
});

test('noise flips, loses and inserts at about its rate, the same for the same seed', () => {
  const run = (seed: number): string => {
    const noise = { flipRate: 0.01, lossRate: 0.01, insertRate: 0.01 };
    const panel = createTestPanel({ baudRate: 115_200, peripherals: [FIVE], seed, noise });
    return Array.from({ length: 200 }, () => toHex(panel.exchange(ID_REQUEST, 30).raw)).join();
  };
  expect(run(3)).toBe(run(3));
  expect(run(3)).not.toBe(run(4));
  const good = run(3)
    .split(',')
    .filter((raw) => raw === ID_REPLY).length;
  expect(good).toBeGreaterThan(40);
  expect(good).toBeLessThan(160);
});

/** The reply to `ID_REQUEST`, changed. */
const replyBut = (change: Partial<FrameFields>): string => toHex(encodeFrame({ ...decodeFrame(hex(ID_REPLY))!, ...change }));

test.each<[string, PeripheralFaults, string]>([
  ['silent', { silent: true }, ''],
  ['wrong address', { wrongAddress: 9 }, replyBut({ address: 9 })],
  ['truncated', { truncateTo: 7 }, ID_REPLY.slice(0, 14)],
  ['repeated', { repeatTimes: 3 }, ID_REPLY.repeat(3)],
  ['bad check', { badCheckRate: 1 }, `${ID_REPLY.slice(0, -2)}75`],
  ['every reply lost', { dropRate: 1 }, ''],
  ['always NAK', { alwaysNak: 3 }, replyBut({ code: REPLY.NAK, data: Uint8Array.of(3) })],
  ['always BUSY', { busyRate: 1 }, '5385080004797428'],
])('misbehaves for ever until told otherwise: %s', (_name, faults, expected) => {
  const panel = panelWith({ ...FIVE, faults });
  for (let round = 0; round < 3; round++) expect(toHex(panel.exchange(ID_REQUEST).raw)).toBe(expected);
  panel.line.peripheral(5).setFaults(Object.fromEntries(Object.keys(faults).map((name) => [name, undefined])));
  expect(toHex(panel.exchange(ID_REQUEST).raw)).toBe(ID_REPLY);
});

test('goes mute after its last answers', () => {
  const panel = panelWith({ ...FIVE, faults: { muteAfter: 2 } });
  expect([1, 2, 3, 4].map(() => panel.exchange(ID_REQUEST).frames.length)).toEqual([1, 1, 0, 0]);
});

test('a slow one answers late, and a late reply still comes when nobody waits', () => {
  const panel = panelWith({ ...FIVE, turnaround: 40 });
  expect(panel.exchange(ID_REQUEST).firstByteMs).toBeCloseTo(40 + 10_000 / 9600, 3);
  panel.line.peripheral(5).setFaults({ late: { rate: 1, byMs: 250 } });
  expect(panel.exchange(ID_REQUEST, 200).raw).toHaveLength(0);
  expect(toHex(panel.exchange(hex(''), 300).raw)).toBe(ID_REPLY);
});

test('a turnaround range is drawn anew for each reply', () => {
  const panel = panelWith({ ...FIVE, turnaround: { minMs: 3, maxMs: 15 } });
  const times = Array.from({ length: 30 }, () => panel.exchange(ID_REQUEST).firstByteMs! - 10_000 / 9600);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(3 - 1e-6);
  expect(Math.max(...times)).toBeLessThanOrEqual(15 + 1e-6);
  expect(new Set(times.map((time) => time.toFixed(3))).size).toBeGreaterThan(20);
});

test('a babbler talks into everything, and stops when told', () => {
  const panel = panelWith(FIVE, { address: 9, faults: { babble: { bytes: 20, everyMs: 21 } } });
  panel.clock.step(1_000);
  expect(
    Array.from({ length: 20 }, () => panel.exchange(ID_REQUEST).frames)
      .flat()
      .filter((frame) => frame.code === REPLY.PDID),
  ).toHaveLength(0);
  panel.line.peripheral(9).setFaults({ babble: undefined });
  panel.clock.step(100);
  expect(toHex(panel.exchange(ID_REQUEST).raw)).toBe(ID_REPLY);
});

test('a wrong check is met with silence, or with NAK 1 from those who say so', () => {
  const panel = panelWith(FIVE, { address: 6, faults: { nakBadCheck: true } });
  const spoilt = (address: number): Uint8Array => {
    const bytes = encodeFrame({ address, reply: false, sequence: 0, check: 'crc', block: null, code: COMMAND.POLL, data: hex('') });
    bytes[7]! ^= 1;
    return bytes;
  };
  expect(panel.exchange(spoilt(5)).raw).toHaveLength(0);
  expect(panel.exchange(spoilt(6)).frames[0]!.data[0]).toBe(1);
});

test('one that is pulled off breaks off in the middle and can be put back', () => {
  const panel = panelWith({ ...FIVE, bootMs: 100 });
  const five = panel.line.peripheral(5);
  panel.line.wire.write(ID_REQUEST);
  panel.clock.step(20);
  five.remove();
  expect(panel.exchange(hex('')).raw.length).toBeLessThan(20);
  expect(panel.exchange(ID_REQUEST).raw).toHaveLength(0);
  expect(panel.line.peripherals()).toHaveLength(0);
  five.restore();
  expect(panel.exchange(ID_REQUEST, 90).raw).toHaveLength(0);
  panel.clock.step(100);
  expect(toHex(panel.exchange(ID_REQUEST).raw)).toBe(ID_REPLY);
});

test.each([11, 12, 13])('rubbish of any kind leaves the line and everybody on it in order (seed %i)', (seed) => {
  const random = createRandom(seed);
  const panel = createTestPanel({ baudRate: 115_200, peripherals: [FIVE, ...demoPeripherals().slice(2)] });
  for (let round = 0; round < 2_000; round++) {
    const secured = random.chance(0.5);
    const frame = encodeFrame({
      address: random.chance(0.5) ? 5 : 42,
      reply: random.chance(0.1),
      sequence: Math.floor(random.unit() * 4),
      check: random.chance(0.8) ? 'crc' : 'checksum',
      block: secured ? Uint8Array.of(3, 0x10 + Math.floor(random.unit() * 10), random.byte()) : null,
      code: 0x60 + Math.floor(random.unit() * 0x20),
      data: random.bytes(Math.floor(random.unit() * 20)),
    });
    if (random.chance(0.3)) frame[Math.floor(random.unit() * frame.length)] = random.byte();
    panel.exchange(random.chance(0.1) ? random.bytes(30) : frame, random.unit() * 10);
  }
  panel.clock.step(1_000);
  const address = panel.line.peripherals().find((one) => one.settings.serialNumber === FIVE.serialNumber)!.settings.address;
  expect(panel.ask(address, COMMAND.ID, { data: ZERO }).frames[0]!.code).toBe(REPLY.PDID);
});

test('watchers see the frames of both sides; a stopped line is silent', () => {
  const panel = panelWith(FIVE);
  const seen: string[] = [];
  panel.line.onFrame((frame) => seen.push(`${frame.from}:${toHex(frame.bytes)}`));
  panel.exchange(ID_REQUEST);
  expect(seen).toEqual([`panel:${toHex(ID_REQUEST.subarray(1))}`, `5:${ID_REPLY}`]);
  panel.line.stop();
  expect(panel.exchange(ID_REQUEST).raw).toHaveLength(0);
});

test('the demo has six: one tampered, one that insists on a secure channel, one slow', () => {
  const panel = panelWith(...demoPeripherals());
  const members = panel.line.peripherals().map((one) => one.settings);
  expect(members).toHaveLength(6);
  for (const { address } of members) expect(panel.ask(address, COMMAND.ID, { data: ZERO }).frames[0]!.code).toBe(REPLY.PDID);
  expect(members.filter((one) => one.tampered)).toHaveLength(1);
  expect(members.filter((one) => one.secureChannel?.required)).toHaveLength(1);
  expect(members.filter((one) => one.turnaround === 40)).toHaveLength(1);
});

test.each([
  ['timers', createMonotonicClock],
  ['precise', createPreciseClock],
])('answers a real serial port in real time (%s), and follows its speed', async (_name, createClock) => {
  const port = await createVirtualPort();
  const line = createOsdpLine({ baudRate: 115_200, peripherals: [FIVE], clock: createClock() });
  line.setPanelBaudRate(9600);
  line.connect(port);
  const serial = new SerialPort({ path: port.path, baudRate: 115_200, autoOpen: false });
  try {
    await new Promise<void>((resolve, reject) => serial.open((error) => (error ? reject(error) : resolve())));
    serial.write(ID_REQUEST);
    let heard = '';
    while (heard.length < ID_REPLY.length) heard += toHex((await once(serial, 'data'))[0]);
    expect(heard).toBe(ID_REPLY);
  } finally {
    await new Promise((resolve) => serial.close(resolve));
    line.stop();
    await port.close();
  }
});
