import type { Random } from '../../support/random.ts';

/** Bits on the wire for one byte: start, eight, stop. */
export const BITS_PER_BYTE = 10;
/** A finished transmission is kept this long to find collisions with it: longer than one byte at 1200 baud. */
const COLLISION_MEMORY_MS = 10;

/** Sums of byte times and timers' delays differ by rounding: a nanosecond early is on time. */
const ROUNDING_MS = 1e-6;

/** What happens to bytes on the line, whoever sends them; probabilities a byte. */
export interface Noise {
  /** One bit of the byte turns. */
  flipRate: number;
  /** The byte disappears. */
  lossRate: number;
  /** A byte appears behind it. */
  insertRate: number;
}

/** Bytes of one talker, one after the other without a gap. */
export interface Transmission {
  /** `panel`, or the peripheral's own identity: only compared. */
  readonly from: object;
  readonly bytes: number[];
  readonly startMs: number;
  readonly byteMs: number;
  /** Bytes done so far. */
  done: number;
  /** Runs at the exact time the last byte ends. */
  readonly onEnd?: (atMs: number) => void;
}

/** A byte as the line carried it. `sent` is null for one that noise made, `heard` for one that was lost. */
export interface LineByte {
  transmission: Transmission;
  sent: number | null;
  heard: number | null;
  atMs: number;
}

/** The shared pair of wires, in exact virtual time: it is told how far to run and works through every byte up to then. */
export interface Medium {
  readonly noise: Noise;
  readonly collisions: number;
  transmit(transmission: Transmission): void;
  /** Breaks off what this talker is sending or was about to send. */
  silence(from: object): void;
  /** Works through all bytes that end up to `nowMs`, in the order of their ends. */
  run(nowMs: number): void;
  /** Transmissions that are not finished. */
  active(): readonly Transmission[];
}

export function endOf(transmission: Transmission): number {
  return transmission.startMs + transmission.bytes.length * transmission.byteMs;
}

/** `carry` is called for each byte; it may transmit. */
export function createMedium(random: Random, carry: (byte: LineByte) => void): Medium {
  const noise: Noise = { flipRate: 0, lossRate: 0, insertRate: 0 };
  let transmissions: Transmission[] = [];
  let collisions = 0;

  const unfinished = (one: Transmission): boolean => one.done < one.bytes.length;
  const nextEnd = (one: Transmission): number => one.startMs + (one.done + 1) * one.byteMs;

  const collides = (one: Transmission, fromMs: number, toMs: number): boolean =>
    transmissions.some((other) => other !== one && other.startMs < toMs && endOf(other) > fromMs);

  const heardAs = (one: Transmission, sent: number, atMs: number): number | null => {
    if (collides(one, atMs - one.byteMs, atMs)) {
      collisions++;
      return random.byte();
    }
    if (random.chance(noise.lossRate)) return null;
    return random.chance(noise.flipRate) ? sent ^ (1 << Math.floor(random.unit() * 8)) : sent;
  };

  const step = (one: Transmission, atMs: number): void => {
    const sent = one.bytes[one.done]!;
    one.done++;
    carry({ transmission: one, sent, heard: heardAs(one, sent, atMs), atMs });
    if (random.chance(noise.insertRate)) carry({ transmission: one, sent: null, heard: random.byte(), atMs });
    if (!unfinished(one)) one.onEnd?.(atMs);
  };

  return {
    noise,
    get collisions() {
      return collisions;
    },
    transmit(transmission) {
      transmissions.push(transmission);
    },
    silence(from) {
      transmissions = transmissions.filter((one) => one.from !== from || !unfinished(one));
    },
    run(nowMs) {
      for (;;) {
        let earliest: Transmission | null = null;
        for (const one of transmissions) {
          if (unfinished(one) && (!earliest || nextEnd(one) < nextEnd(earliest))) earliest = one;
        }
        if (!earliest || nextEnd(earliest) > nowMs + ROUNDING_MS) break;
        step(earliest, nextEnd(earliest));
      }
      transmissions = transmissions.filter((one) => unfinished(one) || endOf(one) > nowMs - COLLISION_MEMORY_MS);
    },
    active: () => transmissions.filter(unfinished),
  };
}
