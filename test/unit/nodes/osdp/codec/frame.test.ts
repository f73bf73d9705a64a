import { expect, test } from 'vitest';
import { checksum8, crc16 } from '../../../../../agent/nodes/osdp/codec/check.ts';
import { decodeFrame, encodeFrame, type FrameToSend } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import { decodeReply } from '../../../../../agent/nodes/osdp/codec/reply.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const none = Buffer.alloc(0);

/** Observed on two independent peripherals. */
const REQUESTS: [string, FrameToSend, string][] = [
  ['ID', { address: 5, sequence: 0, code: 0x61, data: hex('00') }, 'ff53050900046100c125'],
  ['CAP', { address: 5, sequence: 1, code: 0x62, data: hex('00') }, 'ff53050900056200a247'],
  ['LSTAT', { address: 5, sequence: 2, code: 0x64 }, 'ff5305080006645aaf'],
  ['LSTAT of another', { address: 17, sequence: 0, code: 0x64 }, 'ff5311080004646444'],
  ['POLL', { address: 5, sequence: 3, code: 0x60 }, 'ff530508000760efdc'],
  ['CAP, seq 2', { address: 5, sequence: 2, code: 0x62, data: hex('00') }, 'ff53050900066200f21e'],
  ['ID with a checksum', { address: 5, sequence: 0, code: 0x61, data: hex('00'), check: 'checksum' }, 'ff530508000061003f'],
  [
    'CHLNG',
    { address: 1, sequence: 0, code: 0x76, data: hex('b0b1b2b3b4b5b6b7'), security: { type: 0x11, data: hex('00') } },
    'ff530113000c03110076b0b1b2b3b4b5b6b7769a',
  ],
];

test.each(REQUESTS)('%s is encoded as observed', (_name, frame, bytes) => {
  expect(encodeFrame(frame).toString('hex')).toBe(bytes);
  const decoded = decodeFrame(hex(bytes).subarray(1))!;
  expect(decoded).toMatchObject({ address: frame.address, sequence: frame.sequence, code: frame.code, reply: false, mac: null });
  expect(decoded.data).toEqual(Buffer.from(frame.data ?? none));
});

const identity = { vendor: '5eca00', model: 1, version: 2, serialNumber: 0xdeadbeef, firmware: '2.7.19' };
const REPLIES: [string, string, object, object][] = [
  [
    'PDID',
    '5385140004455eca000102efbeadde0207130d74',
    { address: 5, reply: true, sequence: 0, check: 'crc' },
    { kind: 'identity', identity },
  ],
  [
    'PDID with a checksum',
    '5385130000450a00170300cafedeed016f00a9',
    { address: 5, sequence: 0, check: 'checksum' },
    { kind: 'identity', identity: { vendor: '0a0017', model: 3, version: 0, serialNumber: 0xeddefeca, firmware: '1.111.0' } },
  ],
  ['LSTATR', '53850a0006480000e125', { sequence: 2 }, { kind: 'localStatus', tamper: false, powerFault: false }],
  ['LSTATR, tampered', '53910a0004480100050d', { address: 17 }, { kind: 'localStatus', tamper: true, powerFault: false }],
  ['ACK', '5385080007405dda', { sequence: 3 }, { kind: 'ack' }],
  ['card data', '53851000075000002000cafebabe8579', { sequence: 3 }, { kind: 'cardData', reader: 0, bits: 32 }],
  ['BUSY', '5385080004797428', { sequence: 0 }, { kind: 'busy' }],
  ['NAK sequence', '53850900064104e3d9', { sequence: 2 }, { kind: 'nak', reason: 4 }],
  ['NAK unknown', '5385090005410354f0', { sequence: 1 }, { kind: 'nak', reason: 3 }],
  ['NAK length', '5385090004410245d7', { sequence: 0 }, { kind: 'nak', reason: 2 }],
];

test.each(REPLIES)('%s is decoded as observed', (_name, bytes, frame, reply) => {
  const decoded = decodeFrame(hex(bytes))!;
  expect(decoded).toMatchObject(frame);
  expect(decodeReply(decoded.code, decoded.data)).toEqual(reply);
});

test('capabilities are read as triples, the buffer size included', () => {
  const decoded = decodeFrame(hex('5385260005460101020201010301010401010501010801000901000a00010d0101100200e715'))!;
  const reply = decodeReply(decoded.code, decoded.data);
  expect(reply.kind === 'capabilities' && reply.capabilities.map(({ code }) => code)).toEqual([1, 2, 3, 4, 5, 8, 9, 10, 13, 16]);
});

test('a MAC is taken off the end of the data', () => {
  const identity = decodeFrame(hex('53811e000f02184542af8bef18e565765b5a9af4491a76794e71e255209c'))!;
  expect(identity).toMatchObject({ code: 0x45, mac: hex('4e71e255') });
  expect(identity.data.length).toBe(16);
  const poll = decodeFrame(hex('53010e000e02156086da777e904f'))!;
  expect(poll).toMatchObject({ code: 0x60, data: none, mac: hex('86da777e'), security: { type: 0x15, data: none } });
});

test('a wrong check, a torn frame and contradicting lengths are no frames', () => {
  expect(decodeFrame(hex('5385080007405ddb'))).toBeNull();
  expect(decodeFrame(hex('538508000740'))).toBeNull();
  const withBlock = (block: number[]) => {
    const body = Buffer.from([0x53, 0x85, 5 + block.length + 2, 0, 0x0c, ...block]);
    const check = crc16(body);
    return Buffer.concat([body, Buffer.from([check & 0xff, check >> 8])]);
  };
  expect(decodeFrame(withBlock([9, 0x15]))).toBeNull();
  expect(decodeFrame(withBlock([2, 0x15]))).toBeNull();
  expect(decodeFrame(withBlock([2, 0x15, 0x40, 1, 2, 3]))).toBeNull();
  expect(decodeFrame(withBlock([0, 0x15, 0x40]))).toBeNull();
});

test.each([
  [0x45, '5eca00', 'unknown'],
  [0x46, '0101', 'unknown'],
  [0x46, '010102ff', 'capabilities'],
  [0x48, '01', 'unknown'],
  [0x41, '', 'unknown'],
  [0x50, '0000', 'unknown'],
  [0x53, '00', 'unknown'],
  [0x54, '05802500', 'unknown'],
  [0x49, '000100', 'inputs'],
  [0x4a, '01', 'outputs'],
  [0x4b, '02', 'readers'],
  [0x53, '000231', 'keypad'],
  [0x54, '0580250000', 'communication'],
  [0x99, '0102', 'unknown'],
])('reply %i with data %s is %s', (code, data, kind) => {
  const reply = decodeReply(code, hex(data));
  expect(reply.kind).toBe(kind);
  if (reply.kind === 'unknown') expect(reply).toEqual({ kind, code, bytes: data.length / 2 });
});

test('what a card or a keypad says is not kept', () => {
  expect(JSON.stringify(decodeReply(0x50, hex('00002000cafebabe')))).not.toContain('202');
  expect(decodeReply(0x53, hex('000431323334'))).toEqual({ kind: 'keypad', reader: 0, digits: 4 });
});

test('the checks of an empty and of a long input', () => {
  expect(crc16(none)).toBe(0x1d0f);
  expect(checksum8(none)).toBe(0);
  expect(crc16(Buffer.from('123456789'))).toBe(0xe5cc);
});
