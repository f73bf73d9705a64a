import { expect, test } from 'vitest';
import { COMMAND, NAK, REPLY } from './codes.ts';
import type { PeripheralOptions } from './options.ts';
import { createTestPanel, hex, type Question, toHex } from './test-panel.ts';

const ZERO = Uint8Array.of(0);
const FIVE: PeripheralOptions = { address: 5, serialNumber: 0xdeadbeef, secureChannel: { key: new Uint8Array(16) } };

const panelWith = (...peripherals: PeripheralOptions[]) => createTestPanel({ baudRate: 9600, peripherals });

test('answers with the bytes that were observed on real peripherals', () => {
  const panel = panelWith(FIVE, { address: 17, tampered: true });
  const answers = (request: string): string => toHex(panel.exchange(hex(request)).raw);
  expect(answers('ff53050900046100c125')).toBe('5385140004455eca000102efbeadde0207130d74');
  expect(answers('ff53050900056200a247')).toBe('5385260005460101020201010301010401010501010801000901000a00010d0101100200e715');
  expect(answers('ff5305080006645aaf')).toBe('53850a0006480000e125');
  expect(answers('ff530508000760efdc')).toBe('5385080007405dda');
  expect(answers('ff5311080004646444')).toBe('53910a0004480100050d');
});

test('a card waits for the next poll, and is reported once', () => {
  const panel = panelWith(FIVE);
  for (const sequence of [0, 1, 2]) panel.ask(5, COMMAND.POLL, { sequence });
  panel.line.peripheral(5).presentCard([...hex('cafebabe')].map((byte) => byte.toString(2).padStart(8, '0')).join(''));
  expect(toHex(panel.exchange(hex('ff530508000760efdc')).raw)).toBe('53851000075000002000cafebabe8579');
  expect(panel.ask(5, COMMAND.POLL, { sequence: 1 }).frames[0]!.code).toBe(REPLY.ACK);
});

test('the other check is answered as asked, always with a CRC, or not at all', () => {
  const vendor: PeripheralOptions = { address: 0, vendor: '0a0017', model: 3, version: 0, serialNumber: 0xeddefeca, firmware: [1, 111, 0] };
  const asked = createTestPanel({ baudRate: 9600, peripherals: [{ ...vendor, address: 5 }] });
  expect(toHex(asked.exchange(hex('ff530508000061003f')).raw)).toBe('5385130000450a00170300cafedeed016f00a9');
  const policies = panelWith(
    { address: 1, check: 'always_crc' },
    { address: 2, check: 'crc_only' },
    { address: 3, check: 'checksum_only' },
  );
  const checks = (address: number): (string | undefined)[] =>
    (['crc', 'checksum'] as const).map((check) => policies.ask(address, COMMAND.ID, { check, data: ZERO }).frames[0]?.check);
  expect(checks(1)).toEqual(['crc', 'crc']);
  expect(checks(2)).toEqual(['crc', undefined]);
  expect(checks(3)).toEqual([undefined, 'checksum']);
});

test('refuses with the observed NAKs: sequence, unknown command, length', () => {
  const panel = panelWith({ address: 5 });
  const raw = (code: number, question: Question): string => toHex(panel.ask(5, code, question).raw);
  expect(raw(COMMAND.POLL, { sequence: 2 })).toBe('53850900064104e3d9');
  expect(raw(COMMAND.ID, { sequence: 0 })).toBe('5385090004410245d7');
  expect(raw(0x6c, { sequence: 1 })).toBe('5385090005410354f0');
});

test('the sequence runs 0 1 2 3 1 and anything else is refused without moving it', () => {
  const panel = panelWith({ address: 5 });
  const code = (sequence: number): number => panel.ask(5, COMMAND.POLL, { sequence }).frames[0]!.code;
  expect([1, 0, 1, 2, 3, 1].map(code)).toEqual([REPLY.NAK, ...Array(5).fill(REPLY.ACK)]);
  expect(code(3)).toBe(REPLY.NAK);
  expect(code(2)).toBe(REPLY.ACK);
  expect(code(0)).toBe(REPLY.ACK);
});

test('an identical repeat gets the same bytes, and the command is not carried out twice', () => {
  const panel = panelWith({ address: 5 });
  panel.ask(5, COMMAND.POLL);
  panel.line.peripheral(5).presentCard('1010');
  panel.line.peripheral(5).presentCard('1111');
  const first = panel.ask(5, COMMAND.POLL, { sequence: 1 });
  expect(panel.ask(5, COMMAND.POLL, { sequence: 1 }).raw).toEqual(first.raw);
  expect(panel.ask(5, COMMAND.POLL, { sequence: 2 }).frames[0]!.data.at(-1)).toBe(0xf0);
  expect(panel.ask(5, COMMAND.ID, { sequence: 2, data: ZERO }).frames[0]!.data[0]).toBe(NAK.SEQUENCE);
});

test('BUSY answers with sequence 0 and leaves the command to be asked again', () => {
  const panel = panelWith({ ...FIVE, faults: { busyTimes: 1 } });
  expect(toHex(panel.ask(5, COMMAND.POLL).raw)).toBe('5385080004797428');
  expect(panel.ask(5, COMMAND.POLL).frames[0]!.code).toBe(REPLY.ACK);
  panel.line.peripheral(5).setFaults({ busyTimes: 2 });
  const codes = [1, 1, 1, 2].map((sequence) => panel.ask(5, COMMAND.POLL, { sequence }).frames[0]!.code);
  expect(codes).toEqual([REPLY.BUSY, REPLY.BUSY, REPLY.ACK, REPLY.ACK]);
});

test('tamper and power changes are reported on a poll and in the local status', () => {
  const panel = panelWith({ address: 5 });
  panel.line.peripheral(5).setTampered(true);
  expect(toHex(panel.ask(5, COMMAND.POLL).frames[0]!.data)).toBe('0100');
  panel.line.peripheral(5).setPowerFault(true);
  expect(toHex(panel.ask(5, COMMAND.LSTAT).frames[0]!.data)).toBe('0101');
});

test('COMSET answers on the old settings and lives on the new ones', () => {
  const panel = panelWith({ address: 5 });
  const wanted = hex('0900e10000');
  const reply = panel.ask(5, COMMAND.COMSET, { data: wanted }).frames[0]!;
  expect([reply.address, reply.code, toHex(reply.data)]).toEqual([5, REPLY.COM, '0900e10000']);
  expect(panel.line.peripheral(9).settings).toMatchObject({ address: 9, baudRate: 57_600 });
  expect(panel.ask(9, COMMAND.POLL).raw).toHaveLength(0);
  panel.line.setPanelBaudRate(57_600);
  expect(panel.ask(9, COMMAND.POLL).frames[0]!.code).toBe(REPLY.ACK);
  expect(panel.ask(5, COMMAND.POLL).raw).toHaveLength(0);
});

test('COMSET to a speed or address that does not exist changes nothing and says so', () => {
  const panel = panelWith({ address: 5 });
  expect(toHex(panel.ask(5, COMMAND.COMSET, { data: hex('7f80250000') }).frames[0]!.data)).toBe('0580250000');
});

test('a power cycle is a silence, then a peripheral that knows no sequence and no card', () => {
  const panel = panelWith({ address: 5, bootMs: 1000 });
  panel.ask(5, COMMAND.POLL);
  panel.line.peripheral(5).presentCard('1');
  panel.line.peripheral(5).powerCycle();
  expect(panel.ask(5, COMMAND.POLL, { sequence: 1 }).raw).toHaveLength(0);
  panel.clock.step(1000);
  expect(panel.ask(5, COMMAND.POLL, { sequence: 1 }).frames[0]!.data[0]).toBe(NAK.SEQUENCE);
  expect(panel.ask(5, COMMAND.POLL).frames[0]!.code).toBe(REPLY.ACK);
});

test('states are answered as wide as the capabilities say', () => {
  const panel = panelWith({ address: 5 });
  const data = (code: number): string => toHex(panel.ask(5, code).frames[0]!.data);
  expect([data(COMMAND.ISTAT), data(COMMAND.OSTAT), data(COMMAND.RSTAT)]).toEqual(['0000', '00', '00']);
  expect(panel.ask(5, COMMAND.BUZ, { data: hex('0002010101') }).frames[0]!.code).toBe(REPLY.ACK);
});

test('options that no peripheral can have are refused', () => {
  expect(() => panelWith({ address: 127 })).toThrow('0…126');
  expect(() => panelWith({ address: 1, vendor: 'xyz' })).toThrow('6 hex digits');
  expect(() => panelWith({ address: 1, secureChannel: { key: new Uint8Array(8) } })).toThrow('16 bytes');
  expect(() => panelWith({ address: 1 }, { address: 1 })).toThrow('taken');
  expect(() => panelWith().line.peripheral(3)).toThrow('nobody');
});

test('one that understands checksums only says so in its capabilities, and may answer a CRC by NAK 1', () => {
  const panel = panelWith({ address: 3, check: 'checksum_or_nak' }, { address: 4 });
  const refused = panel.ask(3, COMMAND.ID, { data: ZERO }).frames[0]!;
  expect([refused.check, refused.code, refused.data[0]]).toEqual(['checksum', REPLY.NAK, NAK.CHECK]);
  const compliance = (address: number, check: 'crc' | 'checksum'): number => {
    const { data } = panel.ask(address, COMMAND.CAP, { check, data: ZERO }).frames[0]!;
    return data[[...data].findIndex((code, at) => at % 3 === 0 && code === 8) + 1]!;
  };
  expect([compliance(3, 'checksum'), compliance(4, 'crc')]).toEqual([0, 1]);
});

test('one that waits for a poll is silent before it, answers it with its inputs, and waits again after eight seconds of silence', () => {
  const panel = panelWith({ address: 5, waitsForPoll: true });
  const code = (command: number, sequence: number, data?: Uint8Array) =>
    panel.ask(5, command, { sequence, ...(data && { data }) }).frames[0]?.code;
  expect(code(COMMAND.ID, 0, ZERO)).toBe(undefined);
  expect(code(COMMAND.POLL, 0)).toBe(REPLY.ISTATR);
  expect(code(COMMAND.ID, 1, ZERO)).toBe(REPLY.PDID);
  expect(code(COMMAND.POLL, 2)).toBe(REPLY.ACK);
  panel.clock.step(8_000);
  expect(code(COMMAND.ID, 0, ZERO)).toBe(undefined);
});

test('before the channel it answers what it is set to answer', () => {
  const key = new Uint8Array(16);
  const panel = panelWith(
    { address: 1, secureChannel: { key, required: true } },
    { address: 2, secureChannel: { key, required: true, inClear: 'identity' } },
    { address: 3, secureChannel: { key, required: true, inClear: 'nothing' } },
  );
  const codes = (address: number) =>
    [COMMAND.ID, COMMAND.CAP, COMMAND.LSTAT].map((code, sequence) => {
      const data = code === COMMAND.LSTAT ? hex('') : ZERO;
      return panel.ask(address, code, { sequence, data }).frames[0]!.code;
    });
  expect(codes(1)).toEqual([REPLY.PDID, REPLY.PDCAP, REPLY.NAK]);
  expect(codes(2)).toEqual([REPLY.PDID, REPLY.NAK, REPLY.NAK]);
  expect(codes(3)).toEqual([REPLY.NAK, REPLY.NAK, REPLY.NAK]);
});

test('a key of the kind that is asked for and not there is NAK 5 or NAK 6', () => {
  const channel = { key: null, acceptsDefaultKey: false };
  const panel = panelWith({ address: 1, secureChannel: channel }, { address: 2, secureChannel: { ...channel, missingKeyNak: 6 } });
  const reason = (address: number) =>
    panel.ask(address, COMMAND.CHLNG, { block: hex('031101'), data: new Uint8Array(8) }).frames[0]!.data[0];
  expect([reason(1), reason(2)]).toEqual([NAK.SECURITY_UNSUPPORTED, NAK.SECURITY_REQUIRED]);
});

test("a reader's own tamper is reported to a poll, and told when it is asked", () => {
  const panel = panelWith({ address: 5 });
  panel.ask(5, COMMAND.POLL);
  panel.line.peripheral(5).setReaderTampered(true);
  expect(panel.ask(5, COMMAND.POLL, { sequence: 1 }).frames[0]).toMatchObject({ code: REPLY.RSTATR, data: Uint8Array.of(2) });
  expect(panel.ask(5, COMMAND.RSTAT, { sequence: 2 }).frames[0]).toMatchObject({ code: REPLY.RSTATR, data: Uint8Array.of(2) });
  expect(panel.ask(5, COMMAND.LSTAT, { sequence: 3 }).frames[0]!.data[0]).toBe(0);
});

test('a restart between two polls is noticed by the sequence number alone, by one that polices it', () => {
  const panel = panelWith({ address: 5 }, { address: 6, policesSequence: false });
  for (const address of [5, 6]) for (const sequence of [0, 1]) panel.ask(address, COMMAND.POLL, { sequence });
  for (const address of [5, 6]) panel.line.peripheral(address).restart({ firmware: [9, 9, 9] });
  const next = (address: number) => panel.ask(address, COMMAND.POLL, { sequence: 2 }).frames[0]!.code;
  expect([next(5), next(6)]).toEqual([REPLY.NAK, REPLY.ACK]);
  expect([...panel.ask(6, COMMAND.ID, { sequence: 3, data: ZERO }).frames[0]!.data.subarray(9)]).toEqual([9, 9, 9]);
});

test('two at one address talk at the same time: nothing of it is a frame', () => {
  const panel = panelWith({ address: 0, serialNumber: 1 });
  panel.line.add({ address: 0, serialNumber: 2 }, true);
  const { raw, frames } = panel.ask(0, COMMAND.ID, { data: ZERO });
  expect(raw.length).toBeGreaterThan(20);
  expect(frames).toEqual([]);
});
