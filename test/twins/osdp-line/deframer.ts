import { announcedLength, decodeFrame, type Frame, MIN_LENGTH, SOM } from './frame.ts';

/** What the deframer found: a frame, or the address of a frame whose check failed. */
export type Deframed = { kind: 'frame'; frame: Frame } | { kind: 'bad'; address: number };

/** The silence after which a peripheral gives up an unfinished frame (OSDP 2.2, 5.7: character timeout 20 ms). */
const CHARACTER_TIMEOUT_MS = 20;

/** Cuts a stream of bytes into frames, as a peripheral's receiver does. */
export interface Deframer {
  /** Takes one byte that was complete at `atMs`; times must not go back. */
  push(byte: number, atMs: number): Deframed[];
  reset(): void;
}

export function createDeframer(): Deframer {
  let pending: number[] = [];
  let lastMs = 0;

  /** Drops what cannot start a frame; returns the next finding, or null when more bytes are needed. */
  const next = (): Deframed | null => {
    while (pending.length > 0) {
      const start = pending.indexOf(SOM);
      pending = start < 0 ? [] : pending.slice(start);
      if (pending.length < MIN_LENGTH) return null;
      const length = announcedLength(Uint8Array.from(pending.slice(0, 4)));
      if (length === 0) {
        pending.shift();
        continue;
      }
      if (pending.length < length) return null;
      const frame = decodeFrame(Uint8Array.from(pending.slice(0, length)));
      if (frame) {
        pending = pending.slice(length);
        return { kind: 'frame', frame };
      }
      const address = pending[1]!;
      pending.shift();
      return { kind: 'bad', address };
    }
    return null;
  };

  return {
    push(byte, atMs) {
      if (atMs - lastMs > CHARACTER_TIMEOUT_MS) pending = [];
      lastMs = atMs;
      pending.push(byte);
      const found: Deframed[] = [];
      for (let one = next(); one; one = next()) found.push(one);
      return found;
    },
    reset() {
      pending = [];
    },
  };
}
