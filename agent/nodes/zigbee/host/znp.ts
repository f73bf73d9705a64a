/**
 * As much of the Monitor and Test API as a look at a Z-Stack stick needs (Texas Instruments, Z-Stack Monitor and Test API, 3.8 "SYS"): synchronous requests and
 * their answers. A frame: 0xFE, length, two command bytes, data, XOR of all but the first.
 */
const SOF = 0xfe;
const MAX_DATA = 250;
const FRAME_BYTES = 5;
const REQUEST = 0x20;
const ANSWER = 0x60;
const SYS = 0x01;

export const SYS_COMMAND = { ping: 0x01, version: 0x02, getExtAddr: 0x04, nvLength: 0x13, nvReadExt: 0x1c, nvWriteExt: 0x1d } as const;
export type SysCommand = (typeof SYS_COMMAND)[keyof typeof SYS_COMMAND];

const checkOf = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum ^ byte, 0);

/** A request of the SYS interface. */
export function sysRequest(command: SysCommand, data: readonly number[] = []): Buffer {
  const body = Buffer.from([data.length, REQUEST | SYS, command, ...data]);
  return Buffer.concat([Buffer.from([SOF]), body, Buffer.from([checkOf(body)])]);
}

/** Finds the answers of the SYS interface in a stream of anything. */
export function createSysReader(onAnswer: (command: number, data: Buffer) => void): (bytes: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    for (;;) {
      const start = held.indexOf(SOF);
      if (start < 0) {
        held = Buffer.alloc(0);
        return;
      }
      held = held.subarray(start);
      const length = held[1];
      if (length === undefined) return;
      if (length <= MAX_DATA && held.length < length + FRAME_BYTES) return;
      const frame = held.subarray(1, length + FRAME_BYTES);
      if (length > MAX_DATA || checkOf(frame) !== 0) {
        held = held.subarray(1);
        continue;
      }
      held = held.subarray(length + FRAME_BYTES);
      if (frame[1] === (ANSWER | SYS)) onAnswer(frame[2]!, Buffer.from(frame.subarray(3, -1)));
    }
  };
}

/** Where the fields of the network information base are, by its length: compilers of ARM sticks align them, that of the CC2530 does not (Z-Stack 3.0.2, `nwk.h`). */
const LAYOUTS: ReadonlyMap<number, { channel: number; panId: number; extendedPanId: number }> = new Map([
  [116, { channel: 24, panId: 36, extendedPanId: 57 }],
  [110, { channel: 22, panId: 33, extendedPanId: 53 }],
]);

/** Eight bytes as the stick stores them, least significant first, as 16 hex digits. */
export const euiOf = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString('hex');

/** The network of a NIB; null for one of another length. */
export function readNib(nib: Buffer): { panId: number; extendedPanId: string; channel: number } | null {
  const at = LAYOUTS.get(nib.length);
  if (!at) return null;
  return {
    channel: nib[at.channel]!,
    panId: nib.readUInt16LE(at.panId),
    extendedPanId: euiOf(nib.subarray(at.extendedPanId, at.extendedPanId + 8)),
  };
}
