import type { Check } from '../codec/frame.ts';

/**
 * The check that requests to a PD carry. A PD may understand checksums alone (PDCAP function 8 with compliance 0); then it answers a CRC by
 * NAK 1, or not at all. CRC is preferred: the 8-bit checksum misses many spoilt frames.
 */
export interface CheckChoice {
  readonly kind: Check;
  /** A request with it was answered, since it was chosen and since the PD was last off-line. */
  readonly proven: boolean;
  /** CRC is tried in place of a checksum that works, because the PD claims it (`running`), or was tried so in vain (`failed`). */
  readonly trial: 'none' | 'running' | 'failed';
}

export const CRC_FIRST: CheckChoice = { kind: 'crc', proven: false, trial: 'none' };

export const otherCheck = (kind: Check): Check => (kind === 'crc' ? 'checksum' : 'crc');

/** A request with this check was answered by anything but NAK 1 and BUSY. Keeps the object when nothing changes. */
export function provenBy(choice: CheckChoice, kind: Check): CheckChoice {
  if (choice.kind === kind && choice.proven) return choice;
  return { kind, proven: true, trial: choice.trial === 'failed' && kind === 'checksum' ? 'failed' : 'none' };
}

/** Requests with this check are refused, or not answered at all: the other one. */
export function givenUp({ kind, trial }: CheckChoice): CheckChoice {
  const tried = trial === 'running';
  return { kind: otherCheck(kind), proven: tried, trial: tried ? 'failed' : trial };
}

/** The check that a PD understands is determined again: it went off-line, or was replaced. */
export function forgotten({ kind }: CheckChoice): CheckChoice {
  return { kind, proven: false, trial: 'none' };
}

/** The choice for the next new request. `claimsCrc`: the PD reports support for CRC. */
export function preferred(choice: CheckChoice, claimsCrc: boolean): CheckChoice {
  const { kind, proven, trial } = choice;
  return claimsCrc && kind === 'checksum' && proven && trial === 'none' ? { kind: 'crc', proven: false, trial: 'running' } : choice;
}
