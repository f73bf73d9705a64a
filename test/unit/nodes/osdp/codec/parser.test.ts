import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, type Frame, MAX_FRAME_BYTES } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import { createFrameParser } from '../../../../../agent/nodes/osdp/codec/parser.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const ID_REPLY = hex('5385140004455eca000102efbeadde0207130d74');
const ACK = hex('5385080007405dda');
const codes = (frames: Frame[]) => frames.map((frame) => frame.code);

test('a frame is found whole, byte by byte, and behind marks', () => {
  const parser = createFrameParser();
  expect(codes(parser.push(ID_REPLY))).toEqual([0x45]);
  const bytewise = [...Buffer.concat([hex('ffff'), ID_REPLY])].flatMap((byte) => parser.push(Buffer.from([byte])));
  expect(codes(bytewise)).toEqual([0x45]);
  expect(parser.noiseBytes).toBe(0);
  expect(parser.pending).toBe(false);
});

test('two frames in one piece are two frames', () => {
  expect(codes(createFrameParser().push(Buffer.concat([ACK, hex('ff'), ID_REPLY])))).toEqual([0x40, 0x45]);
});

test('a frame behind noise and behind one with a broken check is found', () => {
  const parser = createFrameParser();
  const broken = Buffer.from(ACK);
  broken[5]! ^= 0x01;
  expect(codes(parser.push(Buffer.concat([hex('00c0ffee'), broken, ACK])))).toEqual([0x40]);
  expect(parser.noiseBytes).toBe(3 + broken.length);
});

test('a false start with a plausible length holds the stream until it is flushed, and gives back the frame behind it', () => {
  const parser = createFrameParser();
  expect(parser.push(Buffer.concat([hex('53050001'), ACK]))).toEqual([]);
  expect(parser.pending).toBe(true);
  expect(codes(parser.flush())).toEqual([0x40]);
  expect(parser.pending).toBe(false);
  expect(codes(parser.push(ACK))).toEqual([0x40]);
});

test('a torn frame does not spoil the next one after a flush', () => {
  const parser = createFrameParser();
  parser.push(ID_REPLY.subarray(0, 11));
  expect(parser.flush()).toEqual([]);
  expect(codes(parser.push(ID_REPLY))).toEqual([0x45]);
});

test('lengths beyond the standard are no frames', () => {
  const parser = createFrameParser();
  expect(codes(parser.push(Buffer.concat([hex('5385a105'), hex('53850600'), ACK])))).toEqual([0x40]);
});

test('the longest frame is found, and what follows it', () => {
  const longest = encodeFrame({ address: 5, reply: true, sequence: 1, code: 0x83, data: Buffer.alloc(MAX_FRAME_BYTES - 8, 0x53) });
  expect(longest.length).toBe(MAX_FRAME_BYTES + 1);
  expect(codes(createFrameParser().push(Buffer.concat([longest, ACK])))).toEqual([0x83, 0x40]);
});

/** Streams of what goes wrong on a line, biased towards what looks like frames. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 2000, size: 'max' }) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(0x53, 0xff, 0x85, 0x08, 0x00, 0x04, 0x05), { minLength: 1, maxLength: 400, size: 'max' })
      .map((bytes) => Uint8Array.from(bytes)),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        at: fc.nat({ max: 400 }),
        flip: fc.integer({ min: 0, max: 255 }),
        cut: fc.nat({ max: 40 }),
        data: fc.uint8Array({ maxLength: 300, size: 'max' }),
      })
      .map(({ at, flip, cut, data }) => {
        const frame = encodeFrame({ address: 5, reply: true, sequence: 2, code: 0x50, data });
        frame[at % frame.length]! ^= flip;
        return Uint8Array.from(frame.subarray(0, frame.length - (cut % frame.length)));
      }),
  },
);

test('whatever comes: nothing is thrown, nothing piles up, and one good frame after the silence is understood', () => {
  let total = 0;
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8, size: 'max' }), (pieces) => {
      const parser = createFrameParser();
      for (const bytes of pieces) {
        total += bytes.length;
        for (const frame of parser.push(bytes)) expect(frame.authenticated.length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      }
      parser.flush();
      expect(parser.pending).toBe(false);
      expect(codes(parser.push(ID_REPLY))).toEqual([0x45]);
    }),
    { numRuns: 500, seed: 20260101 },
  );
  expect(total).toBeGreaterThan(1_000_000);
});

test('without a silence too: at once when nothing is held, and within the longest frame when a false start holds the stream', () => {
  let held = 0;
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 4, size: 'max' }), (pieces) => {
      const parser = createFrameParser();
      for (const bytes of pieces) parser.push(bytes);
      let waited = 0;
      if (parser.pending) held++;
      while (parser.pending && waited <= MAX_FRAME_BYTES + ACK.length) {
        parser.push(ACK);
        waited += ACK.length;
      }
      expect(parser.pending).toBe(false);
      expect(codes(parser.push(ID_REPLY))).toEqual([0x45]);
    }),
    { numRuns: 300, seed: 20260107 },
  );
  expect(held).toBeGreaterThan(50);
});

test('how a stream is cut into pieces changes nothing', () => {
  fc.assert(
    fc.property(piece, piece, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (noise, more, cuts) => {
      const stream = Buffer.concat([noise, ID_REPLY, more, ACK]);
      const whole = createFrameParser();
      const cut = createFrameParser();
      const expected = [...whole.push(stream), ...whole.flush()];
      const found: Frame[] = [];
      for (let at = 0, index = 0; at < stream.length; index++) {
        const length = cuts[index % cuts.length]!;
        found.push(...cut.push(stream.subarray(at, at + length)));
        at += length;
      }
      found.push(...cut.flush());
      expect(found).toEqual(expected);
      expect(cut.noiseBytes).toBe(whole.noiseBytes);
    }),
    { numRuns: 300, seed: 20260102 },
  );
});
