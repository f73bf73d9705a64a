import { describe, expect, it } from 'vitest';
import { createRandom } from '../../support/random.ts';
import { createMtDeframer, encodeMt, responseTo } from './frame.ts';
import { decodeNib, encodeNib } from './nib.ts';
import { decodeZcl, encodeZcl } from './zcl.ts';

/** Frames that were seen between a host and a CC2652 (Z-Stack 3.x.0). */
const SEEN: readonly (readonly [hex: string, command: number, data: string])[] = [
  ['fe00210120', 0x2101, ''],
  ['fe02610159063d', 0x6101, '5906'],
  ['fe00210223', 0x2102, ''],
  ['fe0e610202010207013b89340100ffffffffed', 0x6102, '02010207013b89340100ffffffff'],
  ['fe0221138200b2', 0x2113, '8200'],
  ['fe026113180068', 0x6113, '1800'],
  ['fe04211c6000000059', 0x211c, '60000000'],
  ['fe03611c0001552a', 0x611c, '000155'],
  ['fe0421122100740062', 0x2112, '21007400'],
  ['fe07211d030000000100033a', 0x211d, '03000000010003'],
  ['fe0141000141', 0x4100, '01'],
  ['fe064180000201020701c0', 0x4180, '000201020701'],
  ['fe052f080100800000a3', 0x2f08, '0100800000'],
  ['fe012f05042f', 0x2f05, '04'],
  ['fe0145c0088c', 0x45c0, '08'],
  ['fe00255075', 0x2550, ''],
  ['fe186550000009621a00001807f6e5d4c3b2a100000000000000000f5b', 0x6550, '000009621a00001807f6e5d4c3b2a100000000000000000f'],
  ['fe022540640003', 0x2540, '6400'],
  ['fe0c45ca213f04030201008d1500000001', 0x45ca, '213f04030201008d15000000'],
  ['fe0d45c1213f213f04030201008d15008095', 0x45c1, '213f213f04030201008d150080'],
  ['fe0f2401213f0101000002001e05100100050039', 0x2401, '213f0101000002001e051001000500'],
  ['fe034480000102c4', 0x4480, '000102'],
];

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('the MT codec', () => {
  it.each(SEEN)('reads and writes %s', (hex, command, data) => {
    expect(createMtDeframer()(bytes(hex))).toEqual([{ command, data: bytes(data) }]);
    expect(encodeMt({ command, data: bytes(data) }).toString('hex')).toBe(hex);
  });

  it('pairs a response with its request', () => {
    expect(responseTo(0x2101)).toBe(0x6101);
    expect(responseTo(0x2f05)).toBe(0x6f05);
  });

  it('finds frames in pieces and among noise, and drops what has a wrong check', () => {
    const seed = 4711;
    const random = createRandom(seed);
    const frames = SEEN.map(([hex]) => bytes(hex));
    for (let run = 0; run < 100; run += 1) {
      const damaged = Buffer.from(frames[run % frames.length]!);
      damaged[damaged.length - 1]! ^= 0x55;
      // Noise without a start byte: with one, the receiver may rightly wait for the frame that it announces.
      const noise = Buffer.from(random.bytes(9)).map((byte) => (byte === 0xfe ? 0 : byte));
      const stream = Buffer.concat([noise, ...frames.slice(0, 5), damaged, ...frames.slice(5)]);
      const deframe = createMtDeframer();
      const found: unknown[] = [];
      for (let at = 0; at < stream.length; ) {
        const step = 1 + Math.floor(random.unit() * 7);
        found.push(...deframe(stream.subarray(at, at + step)));
        at += step;
      }
      expect(found, `seed ${seed}, run ${run}`).toHaveLength(frames.length);
    }
  });

  it('refuses data that no frame carries', () => {
    expect(() => encodeMt({ command: 0x4481, data: Buffer.alloc(251) })).toThrow(RangeError);
  });
});

describe('the network information base', () => {
  it('has the length and offsets of Z-Stack 3.x.0', () => {
    const network = { panId: 0x1a62, extendedPanId: 'a1b2c3d4e5f60718', channel: 15, channelList: 1 << 15, updateId: 3, keyLoaded: true };
    const nib = encodeNib(network, '00124b0012345678');
    expect(nib).toHaveLength(116);
    expect([nib[24], nib.readUInt16LE(36), nib[38], nib.readUInt32LE(40), nib[65]]).toEqual([15, 0x1a62, 8, 1 << 15, 1]);
    expect(nib.subarray(57, 65).toString('hex')).toBe('1807f6e5d4c3b2a1');
    expect(decodeNib(nib)).toEqual(network);
    expect(decodeNib(nib.subarray(1))).toBeNull();
  });
});

describe('the ZCL codec', () => {
  it('reads what was seen on the air, and writes it again', () => {
    const request = decodeZcl(bytes('1001000500'));
    expect(request).toMatchObject({ specific: false, noDefaultResponse: true, sequence: 1, command: 0, payload: bytes('0500') });
    expect(encodeZcl(request).toString('hex')).toBe('1001000500');
  });
});
