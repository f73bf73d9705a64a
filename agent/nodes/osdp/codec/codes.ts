/** Commands of the control panel that this side uses (SIA OSDP 2.2, "Command codes"). */
export const COMMAND = {
  poll: 0x60,
  id: 0x61,
  capabilities: 0x62,
  localStatus: 0x64,
  inputStatus: 0x65,
  outputStatus: 0x66,
  readerStatus: 0x67,
  led: 0x69,
  buzzer: 0x6a,
  communication: 0x6e,
  keySet: 0x75,
  challenge: 0x76,
  serverCryptogram: 0x77,
} as const;

/** Replies of a PD (SIA OSDP 2.2, "Reply codes"). */
export const REPLY = {
  ack: 0x40,
  nak: 0x41,
  id: 0x45,
  capabilities: 0x46,
  localStatus: 0x48,
  inputStatus: 0x49,
  outputStatus: 0x4a,
  readerTamper: 0x4b,
  cardData: 0x50,
  cardDataFormatted: 0x51,
  keypad: 0x53,
  communication: 0x54,
  clientCryptogram: 0x76,
  initialMac: 0x78,
  busy: 0x79,
} as const;

/** Why a PD refused a command (SIA OSDP 2.2, "NAK"). */
export const NAK = {
  check: 1,
  length: 2,
  unknownCommand: 3,
  sequence: 4,
  secureChannelUnsupported: 5,
  secureChannelRequired: 6,
  record: 9,
} as const;

/** Security block types, in the order of a handshake and of the traffic after it. */
export const SECURITY = {
  challenge: 0x11,
  clientCryptogram: 0x12,
  serverCryptogram: 0x13,
  initialMac: 0x14,
  commandMac: 0x15,
  replyMac: 0x16,
  commandMacEncrypted: 0x17,
  replyMacEncrypted: 0x18,
} as const;

/** The key selector in the security block of a handshake. */
export const KEY_TYPE = { default: 0, own: 1 } as const;
