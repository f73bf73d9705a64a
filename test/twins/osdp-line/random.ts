/** A repeatable source of chance: the same seed gives the same run. Not for anything secret. */
export interface Random {
  /** A number in [0, 1). */
  unit(): number;
  /** One byte. */
  byte(): number;
  bytes(length: number): Uint8Array;
  /** True with this probability; draws nothing when it is 0, so that an unused fault does not change a run. */
  chance(probability: number): boolean;
}

/** Mulberry32: small, fast, and even enough for noise. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const byte = (): number => Math.floor(unit() * 256);
  return {
    unit,
    byte,
    bytes: (length) => Uint8Array.from({ length }, byte),
    chance: (probability) => probability > 0 && unit() < probability,
  };
}
