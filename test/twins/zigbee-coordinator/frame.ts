/**
 * The frame of TI's Monitor and Test interface (Z-Stack Monitor and Test API, «MT», section 2: UART transport):
 * `FE, length of data, command 0, command 1, data, XOR of all but FE`. Command 0 is the type in three bits, and the subsystem.
 */
export interface MtFrame {
  /** Command 0 in the high byte, command 1 in the low one: 0x2101 is SYS_PING. */
  command: number;
  data: Buffer;
}

const SOF = 0xfe;
const OVERHEAD = 5;
/** The longest data of a frame (MT, section 2). */
const MAX_DATA = 250;

/** Types of frames: three bits on top of command 0. */
export const TYPE = { POLL: 0, SREQ: 1, AREQ: 2, SRSP: 3 } as const;

export const typeOf = (command: number): number => command >> 13;
/** The synchronous response to a request: the same subsystem and number. */
export const responseTo = (request: number): number => (request & 0x1fff) | (TYPE.SRSP << 13);

const checkOf = (bytes: Uint8Array): number => bytes.reduce((check, byte) => check ^ byte, 0);

/** @throws RangeError for data that no frame can carry. */
export function encodeMt({ command, data }: { command: number; data: Uint8Array }): Buffer {
  if (data.length > MAX_DATA) throw new RangeError(`${data.length} bytes in one MT frame, ${MAX_DATA} are the most`);
  const body = Buffer.concat([Buffer.from([data.length, command >> 8, command & 0xff]), data]);
  return Buffer.concat([Buffer.from([SOF]), body, Buffer.from([checkOf(body)])]);
}

/** Cuts a stream into frames. Noise and frames with a wrong check are dropped, as the firmware does. */
export function createMtDeframer(): (chunk: Uint8Array) => MtFrame[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const frames: MtFrame[] = [];
    for (;;) {
      const start = pending.indexOf(SOF);
      pending = start < 0 ? Buffer.alloc(0) : pending.subarray(start);
      if (pending.length < OVERHEAD) return frames;
      const length = pending[1]!;
      if (length > MAX_DATA) {
        pending = pending.subarray(1);
        continue;
      }
      if (pending.length < length + OVERHEAD) return frames;
      const body = pending.subarray(1, length + 4);
      if (checkOf(body) === pending[length + 4]) {
        frames.push({ command: body.readUInt16BE(1), data: Buffer.from(body.subarray(3)) });
        pending = pending.subarray(length + OVERHEAD);
      } else {
        pending = pending.subarray(1);
      }
    }
  };
}
