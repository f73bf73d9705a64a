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
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, byte);
  return {
    unit,
    byte,
    bytes,
    chance: (probability) => probability > 0 && unit() < probability,
  };
}

/** A version 4 UUID (RFC 9562, section 5.4) from such a source. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
