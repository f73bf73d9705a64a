/** An EUI-64 as 16 hexadecimal digits, the most significant first, as it is printed on a device. On the wire it is little-endian. */
export type Eui64 = string;

/** Reads little-endian fields; @throws RangeError past the end. */
export interface Reader {
  u8(): number;
  u16(): number;
  u32(): number;
  eui(): Eui64;
  bytes(length: number): Buffer;
  /** All that is left. */
  rest(): Buffer;
  readonly left: number;
}

export function createReader(data: Uint8Array): Reader {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  let at = 0;
  const take = (length: number): number => {
    if (at + length > buffer.length) throw new RangeError(`${length} bytes wanted, ${buffer.length - at} left`);
    at += length;
    return at - length;
  };
  const bytes = (length: number): Buffer => Buffer.from(buffer.subarray(take(length), at));
  return {
    u8: () => buffer.readUInt8(take(1)),
    u16: () => buffer.readUInt16LE(take(2)),
    u32: () => buffer.readUInt32LE(take(4)),
    eui: () => bytes(8).reverse().toString('hex'),
    bytes,
    rest: () => bytes(buffer.length - at),
    get left() {
      return buffer.length - at;
    },
  };
}

/** Little-endian fields one after the other. */
export function u8(...values: number[]): Buffer {
  return Buffer.from(values.map((value) => value & 0xff));
}

export function u16(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) out.writeUInt16LE(value & 0xffff, index * 2);
  return out;
}

export function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) out.writeUInt32LE(value >>> 0, index * 4);
  return out;
}

export function eui(address: Eui64): Buffer {
  return Buffer.from(address, 'hex').reverse();
}

export const concat = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
