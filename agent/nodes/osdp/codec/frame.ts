import { checksum8, crc16 } from './check.ts';

/** The byte that may stand before a frame to settle the line; it counts neither in the length nor in the check. */
export const MARK = 0xff;
/** Start of message. */
export const START = 0x53;
/** The shortest frame: five header bytes, the code and an 8-bit checksum. */
export const MIN_FRAME_BYTES = 7;
/** The longest frame the standard allows (SIA OSDP 2.2, "Multi-byte packet length"). */
export const MAX_FRAME_BYTES = 1440;

const REPLY_BIT = 0x80;
const HEADER_BYTES = 5;
const SEQUENCE_MASK = 0x03;
const CRC_BIT = 0x04;
const SECURITY_BIT = 0x08;
const CRC_BYTES = 2;
const CHECKSUM_BYTES = 1;
/** How many bytes of a 16-byte MAC travel with a frame. */
export const MAC_BYTES = 4;
/** Security block types from which on a frame carries a MAC (SCS_15 … SCS_18). */
const FIRST_MAC_TYPE = 0x15;
const LAST_MAC_TYPE = 0x18;

/** How a frame is protected: a 16-bit CRC, or an 8-bit checksum. */
export type Check = 'crc' | 'checksum';

/** 0 resets the PD; afterwards 1 2 3 1 2 3 …. */
export type Sequence = 0 | 1 | 2 | 3;

/** The security control block: `type` 0x11 … 0x18, `data` what follows it. */
export interface SecurityBlock {
  type: number;
  data: Buffer;
}

/** One message in either direction. */
export interface Frame {
  address: number;
  /** True from a PD to the control panel. */
  reply: boolean;
  sequence: Sequence;
  check: Check;
  security: SecurityBlock | null;
  /** Command or reply code. */
  code: number;
  /** As it stands on the wire: still encrypted in SCS_17 and SCS_18. */
  data: Buffer;
  /** The four bytes sent of the message authentication code, in SCS_15 … SCS_18. */
  mac: Buffer | null;
  /** The frame from its start byte up to the data's end: what the MAC covers. */
  authenticated: Buffer;
}

export interface FrameToSend {
  address: number;
  reply?: boolean;
  sequence: Sequence;
  check?: Check;
  security?: SecurityBlock;
  code: number;
  data?: Uint8Array;
  /** Computes the MAC over the frame as built so far, its length already final. Needed for SCS_15 … SCS_18. */
  mac?: (authenticated: Buffer) => Buffer;
}

function carriesMac(security: SecurityBlock | null | undefined): boolean {
  return security != null && security.type >= FIRST_MAC_TYPE && security.type <= LAST_MAC_TYPE;
}

/** The bytes to put on the wire, mark included. */
export function encodeFrame(frame: FrameToSend): Buffer {
  const data = frame.data ?? Buffer.alloc(0);
  const block = frame.security
    ? Buffer.from([frame.security.data.length + 2, frame.security.type, ...frame.security.data])
    : Buffer.alloc(0);
  const useCrc = frame.check !== 'checksum';
  const macBytes = frame.mac ? MAC_BYTES : 0;
  const length = HEADER_BYTES + block.length + 1 + data.length + macBytes + (useCrc ? CRC_BYTES : CHECKSUM_BYTES);
  const control = frame.sequence | (useCrc ? CRC_BIT : 0) | (frame.security ? SECURITY_BIT : 0);
  const address = frame.address | (frame.reply ? REPLY_BIT : 0);
  const authenticated = Buffer.concat([
    Buffer.from([START, address, length & 0xff, length >> 8, control]),
    block,
    Buffer.from([frame.code]),
    data,
  ]);
  const mac = frame.mac ? frame.mac(authenticated).subarray(0, MAC_BYTES) : Buffer.alloc(0);
  const checked = Buffer.concat([authenticated, mac]);
  const check = Buffer.alloc(useCrc ? CRC_BYTES : CHECKSUM_BYTES);
  if (useCrc) check.writeUInt16LE(crc16(checked));
  else check.writeUInt8(checksum8(checked));
  return Buffer.concat([Buffer.from([MARK]), checked, check]);
}

/**
 * Reads one complete frame, from its start byte to its last check byte. Null when the check does not match or the lengths inside
 * contradict each other.
 */
export function decodeFrame(bytes: Buffer): Frame | null {
  const control = bytes[4];
  if (bytes.length < MIN_FRAME_BYTES || bytes[0] !== START || control === undefined) return null;
  const check = control & CRC_BIT ? 'crc' : 'checksum';
  let end = bytes.length - (check === 'crc' ? CRC_BYTES : CHECKSUM_BYTES);
  const matches = check === 'crc' ? crc16(bytes, 0, end) === bytes.readUInt16LE(end) : checksum8(bytes, 0, end) === bytes[end];
  if (!matches) return null;

  let at = HEADER_BYTES;
  let security: SecurityBlock | null = null;
  if (control & SECURITY_BIT) {
    const blockLength = bytes[at]!;
    if (blockLength < 2 || at + blockLength > end) return null;
    security = { type: bytes[at + 1]!, data: Buffer.from(bytes.subarray(at + 2, at + blockLength)) };
    at += blockLength;
  }
  let mac: Buffer | null = null;
  if (carriesMac(security)) {
    end -= MAC_BYTES;
    if (end <= at) return null;
    mac = Buffer.from(bytes.subarray(end, end + MAC_BYTES));
  }
  if (end <= at) return null;
  return {
    address: bytes[1]! & ~REPLY_BIT,
    reply: (bytes[1]! & REPLY_BIT) !== 0,
    sequence: (control & SEQUENCE_MASK) as Sequence,
    check,
    security,
    code: bytes[at]!,
    data: Buffer.from(bytes.subarray(at + 1, end)),
    mac,
    authenticated: Buffer.from(bytes.subarray(0, end)),
  };
}
