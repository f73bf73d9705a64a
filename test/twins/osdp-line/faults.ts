import type { Random } from '../../support/random.ts';
import { decodeFrame, encodeFrame, type Frame, MARK } from './frame.ts';
import type { PeripheralSettings } from './options.ts';

/** What really goes onto the wire, and how long after the request. */
export interface Act {
  bytes: Uint8Array;
  delayMs: number;
}

function turnaroundOf(settings: PeripheralSettings, random: Random): number {
  const { turnaround } = settings;
  return typeof turnaround === 'number' ? turnaround : turnaround.minMs + random.unit() * (turnaround.maxMs - turnaround.minMs);
}

/** The same reply with something else in it, and a right check. */
function changed(bytes: Uint8Array, change: (frame: Frame) => Frame): Uint8Array {
  const start = bytes[0] === MARK ? 1 : 0;
  const decoded = decodeFrame(bytes.subarray(start));
  if (!decoded) return bytes;
  const frame = change(decoded);
  const mac = frame.mac;
  return Uint8Array.from([...bytes.subarray(0, start), ...encodeFrame(frame, mac ? () => mac : undefined)]);
}

/** The same data, cut or with bytes behind it. */
function resized(data: Uint8Array, by: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, data.length + by)).fill(0xff);
  out.set(data.subarray(0, out.length));
  return out;
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
  const { wrongAddress } = faults;
  if (wrongAddress !== undefined) bytes = changed(bytes, (frame) => ({ ...frame, address: wrongAddress }));
  if (faults.asCommand) bytes = changed(bytes, (frame) => ({ ...frame, reply: false }));
  const odd = faults.oddLength;
  if (odd)
    bytes = changed(bytes, (frame) => (frame.code === odd.code && !frame.mac ? { ...frame, data: resized(frame.data, odd.by) } : frame));
  if (faults.wrongSequence) bytes = changed(bytes, (frame) => ({ ...frame, sequence: (frame.sequence + 1) % 4 }));
  if (faults.badMacTimes) {
    bytes = changed(bytes, (frame) => {
      if (!frame.mac) return frame;
      faults.badMacTimes!--;
      return { ...frame, mac: frame.mac.map((byte) => byte ^ 0x5a) };
    });
  }
  if (random.chance(faults.badCheckRate ?? 0)) bytes[bytes.length - 1]! ^= 0x01;
  if (faults.truncateTo !== undefined) bytes = bytes.slice(0, faults.truncateTo);
  if (faults.repeatTimes !== undefined)
    bytes = Uint8Array.from({ length: bytes.length * faults.repeatTimes }, (_, index) => bytes[index % bytes.length]!);
  return bytes.length === 0 ? null : { bytes, delayMs };
}
