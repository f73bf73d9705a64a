import { decodeFrame, encodeFrame, MARK } from './frame.ts';
import type { PeripheralSettings } from './options.ts';
import type { Random } from './random.ts';

/** What really goes onto the wire, and how long after the request. */
export interface Act {
  bytes: Uint8Array;
  delayMs: number;
}

function turnaroundOf(settings: PeripheralSettings, random: Random): number {
  const { turnaround } = settings;
  return typeof turnaround === 'number' ? turnaround : turnaround.minMs + random.unit() * (turnaround.maxMs - turnaround.minMs);
}

/** The same reply under another address, with a right check. */
function readdressed(bytes: Uint8Array, address: number): Uint8Array {
  const start = bytes[0] === MARK ? 1 : 0;
  const frame = decodeFrame(bytes.subarray(start));
  if (!frame) return bytes;
  const mac = frame.mac;
  return Uint8Array.from([...bytes.subarray(0, start), ...encodeFrame({ ...frame, address }, mac ? () => mac : undefined)]);
}

/** Turns a correct reply into what this peripheral does instead; null when nothing comes. Uses up the counted faults. */
export function misbehave(settings: PeripheralSettings, correct: Uint8Array, random: Random): Act | null {
  const { faults } = settings;
  if (faults.silent || random.chance(faults.dropRate ?? 0)) return null;
  if (faults.muteAfter !== undefined) {
    if (faults.muteAfter <= 0) return null;
    faults.muteAfter--;
  }
  let delayMs = turnaroundOf(settings, random);
  if (faults.late && random.chance(faults.late.rate)) delayMs += faults.late.byMs;
  let bytes: Uint8Array = Uint8Array.from(correct);
  if (faults.wrongAddress !== undefined) bytes = readdressed(bytes, faults.wrongAddress);
  if (random.chance(faults.badCheckRate ?? 0)) bytes[bytes.length - 1]! ^= 0x01;
  if (faults.truncateTo !== undefined) bytes = bytes.slice(0, faults.truncateTo);
  if (faults.repeatTimes !== undefined)
    bytes = Uint8Array.from({ length: bytes.length * faults.repeatTimes }, (_, index) => bytes[index % bytes.length]!);
  return bytes.length === 0 ? null : { bytes, delayMs };
}
