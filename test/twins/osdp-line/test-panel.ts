import { createSteppedClock, type SteppedClock } from '../../support/stepped-clock.ts';
import { createDeframer } from './deframer.ts';
import { type Check, encodeFrame, type Frame } from './frame.ts';
import { createOsdpLine } from './line.ts';
import type { OsdpLine, OsdpLineOptions } from './types.ts';

/** How to ask; what is absent is sequence 0, a CRC and no data. */
export interface Question {
  sequence?: number;
  check?: Check;
  block?: Uint8Array;
  data?: Uint8Array;
}

/** What came back within the window. */
export interface Heard {
  raw: Uint8Array;
  frames: Frame[];
  /** From the end of the request to the first byte; null in silence. */
  firstByteMs: number | null;
}

/** A line in virtual time with a simple panel on it, for the twin's own tests. */
export interface TestPanel {
  line: OsdpLine;
  clock: SteppedClock;
  /** Puts bytes on the line and listens for `windowMs` (default 400) from now. */
  exchange(bytes: Uint8Array, windowMs?: number): Heard;
  ask(address: number, code: number, question?: Question): Heard;
}

/** Creates the line and the panel on a clock of their own. */
export function createTestPanel(options: Omit<OsdpLineOptions, 'clock'>): TestPanel {
  const clock = createSteppedClock();
  const line = createOsdpLine({ ...options, clock });
  const byteMs = 10_000 / options.baudRate;
  let arrived: number[] = [];
  let firstAtMs: number | null = null;
  line.wire.onData((bytes) => {
    firstAtMs ??= clock.nowMs();
    arrived.push(...bytes);
  });
  const exchange = (bytes: Uint8Array, windowMs = 400): Heard => {
    arrived = [];
    firstAtMs = null;
    const endMs = clock.nowMs() + bytes.length * byteMs;
    line.wire.write(bytes);
    clock.step(windowMs);
    const deframer = createDeframer();
    const frames = arrived.flatMap((byte) => deframer.push(byte, 0)).flatMap((one) => (one.kind === 'frame' ? [one.frame] : []));
    return { raw: Uint8Array.from(arrived), frames, firstByteMs: firstAtMs === null ? null : firstAtMs - endMs };
  };
  return {
    line,
    clock,
    exchange,
    ask: (address, code, { sequence = 0, check = 'crc', block, data = new Uint8Array(0) } = {}) =>
      exchange(encodeFrame({ address, reply: false, sequence, check, block: block ?? null, code, data })),
  };
}

export const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
