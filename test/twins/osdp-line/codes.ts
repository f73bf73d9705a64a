/** Commands of the control panel (OSDP 2.2, annex A.1). */
export const COMMAND = {
  POLL: 0x60,
  ID: 0x61,
  CAP: 0x62,
  LSTAT: 0x64,
  ISTAT: 0x65,
  OSTAT: 0x66,
  RSTAT: 0x67,
  OUT: 0x68,
  LED: 0x69,
  BUZ: 0x6a,
  COMSET: 0x6e,
  KEYSET: 0x75,
  CHLNG: 0x76,
  SCRYPT: 0x77,
} as const;

/** Replies of the peripheral (OSDP 2.2, annex A.2). */
export const REPLY = {
  ACK: 0x40,
  NAK: 0x41,
  PDID: 0x45,
  PDCAP: 0x46,
  LSTATR: 0x48,
  ISTATR: 0x49,
  OSTATR: 0x4a,
  RSTATR: 0x4b,
  RAW: 0x50,
  COM: 0x54,
  CCRYPT: 0x76,
  RMAC_I: 0x78,
  BUSY: 0x79,
} as const;

/** Reasons of a NAK. */
export const NAK = {
  CHECK: 1,
  LENGTH: 2,
  UNKNOWN: 3,
  SEQUENCE: 4,
  SECURITY_UNSUPPORTED: 5,
  SECURITY_REQUIRED: 6,
  RECORD: 9,
} as const;

/** A command's answer before it is framed. */
export interface Answer {
  code: number;
  data: Uint8Array;
}

export const ack = (): Answer => ({ code: REPLY.ACK, data: new Uint8Array(0) });
export const nak = (reason: number): Answer => ({ code: REPLY.NAK, data: Uint8Array.of(reason) });
