/** How a frame is protected: two bytes of CRC or one of checksum (IEC 60839-11-5, 5.9). */
export type Check = 'crc' | 'checksum';

/** The content of one frame, in either direction. */
export interface FrameFields {
  /** 0…126, 127 is broadcast. */
  address: number;
  /** True from a peripheral: the address byte carries 0x80. */
  reply: boolean;
  /** 0…3. */
  sequence: number;
  check: Check;
  /** The whole security block with its own length byte, or null. */
  block: Uint8Array | null;
  code: number;
  /** What follows the code, without the MAC. Still encrypted in SCS_17 and SCS_18. */
  data: Uint8Array;
}

/** A frame that was received. */
export interface Frame extends FrameFields {
  /** The four bytes before the check in SCS_15 to SCS_18, else null. */
  mac: Uint8Array | null;
  /** All of it, from 53 through the check. */
  bytes: Uint8Array;
}

/** Start of message. */
export const SOM = 0x53;
/** The optional idle byte before a frame. */
export const MARK = 0xff;
export const BROADCAST = 0x7f;
/** The shortest frame: header, code, checksum. */
export const MIN_LENGTH = 7;
/** The longest frame the standard allows. */
const MAX_LENGTH = 1440;
const MAC_LENGTH = 4;

const HEADER_LENGTH = 5;
const REPLY_FLAG = 0x80;
const CRC_FLAG = 0x04;
const BLOCK_FLAG = 0x08;
const FIRST_MAC_BLOCK = 0x15;
const LAST_MAC_BLOCK = 0x18;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let value = index << 8;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1;
  return value;
});

/** CRC-16 with polynomial 1021 and start 1D0F, not reflected. */
function crc16(bytes: Uint8Array): number {
  let value = 0x1d0f;
  for (const byte of bytes) value = ((value << 8) ^ CRC_TABLE[(value >>> 8) ^ byte]!) & 0xffff;
  return value;
}

/** The two's complement of the sum of all bytes. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}

/** True for the security blocks whose frames end in a MAC (SCS_15 to SCS_18). */
export function carriesMac(block: Uint8Array | null): boolean {
  const type = block?.[1] ?? 0;
  return type >= FIRST_MAC_BLOCK && type <= LAST_MAC_BLOCK;
}

/** Builds a frame. `sign` makes the four bytes of MAC over everything before them; the length already counts them. */
export function encodeFrame(fields: FrameFields, sign?: (signed: Uint8Array) => Uint8Array): Uint8Array {
  const block = fields.block ?? new Uint8Array(0);
  const macLength = sign ? MAC_LENGTH : 0;
  const checkLength = fields.check === 'crc' ? 2 : 1;
  const signedLength = HEADER_LENGTH + block.length + 1 + fields.data.length;
  const length = signedLength + macLength + checkLength;
  const out = new Uint8Array(length);
  out[0] = SOM;
  out[1] = fields.address | (fields.reply ? REPLY_FLAG : 0);
  out[2] = length & 0xff;
  out[3] = length >>> 8;
  out[4] = fields.sequence | (fields.check === 'crc' ? CRC_FLAG : 0) | (fields.block ? BLOCK_FLAG : 0);
  out.set(block, HEADER_LENGTH);
  out[HEADER_LENGTH + block.length] = fields.code;
  out.set(fields.data, HEADER_LENGTH + block.length + 1);
  if (sign) out.set(sign(out.subarray(0, signedLength)), signedLength);
  const covered = out.subarray(0, length - checkLength);
  if (fields.check === 'crc') {
    const value = crc16(covered);
    out[length - 2] = value & 0xff;
    out[length - 1] = value >>> 8;
  } else {
    out[length - 1] = checksum(covered);
  }
  return out;
}

/** The length a frame announces in its header, or 0 when it cannot be one. */
export function announcedLength(header: Uint8Array): number {
  const length = header[2]! | (header[3]! << 8);
  return length >= MIN_LENGTH && length <= MAX_LENGTH ? length : 0;
}

/** Reads the bytes of exactly one frame, from 53 through the check. Null when the check or the inner lengths are wrong. */
export function decodeFrame(bytes: Uint8Array): Frame | null {
  const control = bytes[4]!;
  const check: Check = control & CRC_FLAG ? 'crc' : 'checksum';
  const end = bytes.length - (check === 'crc' ? 2 : 1);
  const covered = bytes.subarray(0, end);
  const valid = check === 'crc' ? crc16(covered) === (bytes[end]! | (bytes[end + 1]! << 8)) : checksum(covered) === bytes[end];
  if (!valid) return null;
  const blockLength = control & BLOCK_FLAG ? bytes[HEADER_LENGTH]! : 0;
  const block = control & BLOCK_FLAG ? bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + blockLength) : null;
  const codeAt = HEADER_LENGTH + blockLength;
  const dataEnd = carriesMac(block) ? end - MAC_LENGTH : end;
  if ((block && blockLength < 2) || codeAt >= dataEnd) return null;
  return {
    address: bytes[1]! & ~REPLY_FLAG,
    reply: (bytes[1]! & REPLY_FLAG) !== 0,
    sequence: control & 0x03,
    check,
    block,
    code: bytes[codeAt]!,
    data: bytes.subarray(codeAt + 1, dataEnd),
    mac: dataEnd < end ? bytes.subarray(dataEnd, end) : null,
    bytes,
  };
}
