import { randomBytes, randomUUID } from 'node:crypto';

/** The source of everything random, so that a test can repeat a run from its seed. */
export interface Entropy {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer;
  /** A version 4 UUID. */
  uuid(): string;
  /** A number in [0, 1), for jitter. */
  unit(): number;
}

/** The operating system's randomness. */
export function createEntropy(): Entropy {
  return { bytes: (length) => randomBytes(length), uuid: () => randomUUID(), unit: () => Math.random() };
}
