import { expect, test } from 'vitest';
import { createRandom } from '../../support/random.ts';
import { createDeframer, type Deframed } from './deframer.ts';
import { decodeFrame, encodeFrame, MARK } from './frame.ts';
import { cryptogram, decryptData, deriveKeys, encryptData, initialMac, messageMac, SCBK_D } from './secure-channel.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Frames as two independent implementations put them on a wire. */
const OBSERVED = [
  'ff53050900046100c125',
  '5385140004455eca000102efbeadde0207130d74',
  'ff53050900056200a247',
  '5385260005460101020201010301010401010501010801000901000a00010d0101100200e715',
  'ff5305080006645aaf',
  '53850a0006480000e125',
  'ff5311080004646444',
  '53910a0004480100050d',
  'ff530508000760efdc',
  '5385080007405dda',
  '53851000075000002000cafebabe8579',
  'ff530508000061003f',
  '5385130000450a00170300cafedeed016f00a9',
  'ff53050900066200f21e',
  '5385080004797428',
  '53850900064104e3d9',
  '5385090005410354f0',
  '5385090004410245d7',
  'ff530113000c03110076b0b1b2b3b4b5b6b7769a',
  '53812b000c031200765eca010001000010a0a1a2a3a4a5a6a7fde5d2f428ec16312471ea3c02bd77965bd2',
  'ff53011b000d0313007726d3356e07762d262801fc8e6665a89178ed',
  '53811b000d03140178b2a30057eb98ba2229ec1f875662b52456b2',
  'ff53010e000e02156086da777e904f',
  '53810e000e021640f5e7df51691f',
  'ff53011e000f0217614d9c1c3e208c1a4bced6ce55b63ccfe0bd472de8ab3a',
  '53811e000f02184542af8bef18e565765b5a9af4491a76794e71e255209c',
];

const unmarked = (frame: string): Uint8Array => hex(frame.startsWith('ff') ? frame.slice(2) : frame);

test.each(OBSERVED)('reads and rebuilds the observed frame %s', (observed) => {
  const bytes = unmarked(observed);
  const frame = decodeFrame(bytes);
  expect(frame).not.toBeNull();
  const mac = frame!.mac;
  expect(text(encodeFrame(frame!, mac ? () => mac : undefined))).toBe(text(bytes));
});

test('finds every frame in a stream with marks and rubbish between them', () => {
  const random = createRandom(7);
  const deframer = createDeframer();
  const found: Deframed[] = [];
  for (const frame of OBSERVED) {
    const rubbish = random.bytes(5).map((byte) => (byte === 0x53 ? 0 : byte));
    for (const byte of [...rubbish, MARK, ...unmarked(frame)]) found.push(...deframer.push(byte, 0));
  }
  expect(found.map((one) => (one.kind === 'frame' ? text(one.frame.bytes) : 'bad'))).toEqual(
    OBSERVED.map((frame) => text(unmarked(frame))),
  );
});

test('a false start gives way to the frame inside it, and to a silence', () => {
  const deframer = createDeframer();
  const request = unmarked('ff53050900046100c125');
  const inside = [0x53, 0x05, 0x0a, 0x00, 0x04, ...request].flatMap((byte) => deframer.push(byte, 0));
  expect(inside.map((one) => one.kind)).toEqual(['bad', 'frame']);
  for (const byte of [0x53, 0x05, 0xff, 0x01]) deframer.push(byte, 1);
  expect([...request].flatMap((byte) => deframer.push(byte, 30)).map((one) => one.kind)).toEqual(['frame']);
});

test('derives the default-key session of the vectors', () => {
  const a = hex('b0b1b2b3b4b5b6b7');
  const b = hex('a0a1a2a3a4a5a6a7');
  const keys = deriveKeys(SCBK_D, a);
  expect(text(keys.enc)).toBe('bf8dc2a8329acb8c67c6d0cd9a451682');
  expect(text(keys.mac1)).toBe('5e86c676603bdee2d8beafe178637332');
  expect(text(keys.mac2)).toBe('6fda86e857777e81132035758239172e');
  expect(text(cryptogram(keys, a, b))).toBe('fde5d2f428ec16312471ea3c02bd7796');
  expect(text(cryptogram(keys, b, a))).toBe('26d3356e07762d262801fc8e6665a891');
  expect(text(initialMac(keys, cryptogram(keys, b, a)))).toBe('b2a30057eb98ba2229ec1f875662b524');
});

test('derives the own-key session of the vectors', () => {
  const a = hex('b0b1b2b3b4b5b6b7');
  const b = hex('b8b9babbbcbdbebf');
  const keys = deriveKeys(hex('000102030405060708090a0b0c0d0e0f'), a);
  expect(text(keys.enc)).toBe('65ee2c90c67a98fda8be8b7238b0dd94');
  expect(text(keys.mac1)).toBe('bba5fa188624bea5dfb6d61d2596535c');
  expect(text(keys.mac2)).toBe('067a271b70c736c0df9a55c2c20df742');
  expect(text(cryptogram(keys, a, b))).toBe('43c096de401446c35599f9a6e8722d73');
  expect(text(cryptogram(keys, b, a))).toBe('a4775f117924e07679ffb05a9aac24b5');
  expect(text(initialMac(keys, cryptogram(keys, b, a)))).toBe('524f08c2178c613b91b5cd5fa0834574');
});

test('the MAC chain and the encryption follow the vectors frame by frame', () => {
  const keys = deriveKeys(SCBK_D, hex('b0b1b2b3b4b5b6b7'));
  let previous = hex('b2a30057eb98ba2229ec1f875662b524');
  const exchange = OBSERVED.slice(-4).map((observed) => decodeFrame(unmarked(observed))!);
  for (const [index, frame] of exchange.entries()) {
    if (index === 3) {
      const plain = hex('5eca00010201000010010203');
      expect(decryptData(keys, previous, encryptData(keys, previous, plain))).toEqual(plain);
      expect(decryptData(keys, previous, frame.data)).toEqual(plain);
    }
    if (index === 2) expect(text(decryptData(keys, previous, frame.data)!)).toBe('00');
    const mac = messageMac(keys, previous, frame.bytes.subarray(0, frame.bytes.length - 6));
    expect(text(mac.subarray(0, 4))).toBe(text(frame.mac!));
    previous = mac;
  }
});
