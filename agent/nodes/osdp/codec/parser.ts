import { decodeFrame, type Frame, MARK, MAX_FRAME_BYTES, MIN_FRAME_BYTES, START } from './frame.ts';

/** Finds frames in a stream of bytes with noise, echoes and torn frames in it. Holds at most one frame's worth of bytes. */
export interface FrameParser {
  /** Takes what arrived and returns the frames that became complete. */
  push(bytes: Uint8Array): Frame[];
  /**
   * The line fell silent: what is held is no frame. Drops the false start and returns the frames that stood behind it;
   * nothing is held afterwards.
   */
  flush(): Frame[];
  /** True while a frame has begun and not ended. */
  readonly pending: boolean;
  /** How many bytes since creation belonged to no frame; marks do not count. */
  readonly noiseBytes: number;
}

const LENGTH_OFFSET = 2;
const HEADER_WITH_LENGTH = 4;

export function createFrameParser(): FrameParser {
  const held = Buffer.alloc(MAX_FRAME_BYTES);
  let size = 0;
  let noiseBytes = 0;

  const drop = (count: number) => {
    held.copyWithin(0, count, size);
    size -= count;
  };

  /** Drops what cannot be the start of a frame. */
  const seekStart = (from: number) => {
    let at = from;
    while (at < size && held[at] !== START) at++;
    for (let index = 0; index < at; index++) if (held[index] !== MARK) noiseBytes++;
    drop(at);
  };

  /** The next complete frame in what is held, or null when more bytes are needed. */
  const take = (): Frame | null => {
    seekStart(0);
    while (size >= HEADER_WITH_LENGTH) {
      const length = held.readUInt16LE(LENGTH_OFFSET);
      const plausible = length >= MIN_FRAME_BYTES && length <= MAX_FRAME_BYTES;
      if (plausible && size < length) return null;
      const frame = plausible ? decodeFrame(held.subarray(0, length)) : null;
      if (frame) {
        drop(length);
        return frame;
      }
      seekStart(1);
    }
    return null;
  };

  const takeAll = (frames: Frame[]) => {
    for (let frame = take(); frame; frame = take()) frames.push(frame);
  };

  return {
    push(bytes) {
      const frames: Frame[] = [];
      let at = 0;
      while (at < bytes.length) {
        // A held, incomplete frame is always shorter than the buffer, so every round makes room and takes at least one byte.
        const count = Math.min(bytes.length - at, MAX_FRAME_BYTES - size);
        held.set(bytes.subarray(at, at + count), size);
        size += count;
        at += count;
        takeAll(frames);
      }
      return frames;
    },

    flush() {
      const frames: Frame[] = [];
      while (size > 0) {
        seekStart(1);
        takeAll(frames);
      }
      return frames;
    },

    get pending() {
      return size > 0;
    },
    get noiseBytes() {
      return noiseBytes;
    },
  };
}
