import { REPLY } from './codes.ts';

/** The identity that a PD reports (reply 45). */
export interface Identity {
  /** The manufacturer's IEEE OUI: six hex digits. */
  vendor: string;
  model: number;
  /** The hardware version of the model. */
  version: number;
  serialNumber: number;
  /** `major.minor.build`. */
  firmware: string;
}

/** One line of a PD's capabilities (reply 46): a function code, how well it is met, and how many of it there are. */
export interface Capability {
  code: number;
  compliance: number;
  count: number;
}

/** A reply's meaning. What is not known, or is malformed, stays as `unknown` with its code: nothing is dropped silently. */
export type Reply =
  | { kind: 'ack' }
  | { kind: 'nak'; reason: number }
  | { kind: 'busy' }
  | { kind: 'identity'; identity: Identity }
  | { kind: 'capabilities'; capabilities: Capability[] }
  | { kind: 'localStatus'; tamper: boolean; powerFault: boolean }
  /** One byte for each input or output, as it came. */
  | { kind: 'inputs'; states: number[] }
  | { kind: 'outputs'; states: number[] }
  | { kind: 'readers'; tampered: boolean[] }
  | { kind: 'cardData'; reader: number; bits: number }
  | { kind: 'cardText'; reader: number; characters: number }
  | { kind: 'keypad'; reader: number; digits: number }
  | { kind: 'communication'; address: number; baudRate: number }
  | { kind: 'unknown'; code: number; bytes: number };

const IDENTITY_BYTES = 12;
const CAPABILITY_BYTES = 3;

function readIdentity(data: Buffer): Identity {
  return {
    vendor: data.toString('hex', 0, 3),
    model: data[3]!,
    version: data[4]!,
    serialNumber: data.readUInt32LE(5),
    firmware: `${data[9]}.${data[10]}.${data[11]}`,
  };
}

/** What stands behind the last whole line is left out, and so is a function that stands there again: the first word counts. */
function readCapabilities(data: Buffer): Capability[] {
  const capabilities = new Map<number, Capability>();
  for (let at = 0; at + CAPABILITY_BYTES <= data.length; at += CAPABILITY_BYTES) {
    const code = data[at]!;
    if (!capabilities.has(code)) capabilities.set(code, { code, compliance: data[at + 1]!, count: data[at + 2]! });
  }
  return [...capabilities.values()];
}

function readFlags(data: Buffer): boolean[] {
  return [...data].map((value) => value !== 0);
}

/**
 * Reads a reply's decrypted data. Card numbers and digits typed are credentials: only their size is kept.
 * Longer data than needed is accepted, as later versions of the standard append fields.
 */
export function decodeReply(code: number, data: Buffer): Reply {
  const unknown: Reply = { kind: 'unknown', code, bytes: data.length };
  switch (code) {
    case REPLY.ack:
      return { kind: 'ack' };
    case REPLY.nak:
      return data.length < 1 ? unknown : { kind: 'nak', reason: data[0]! };
    case REPLY.busy:
      return { kind: 'busy' };
    case REPLY.id:
      return data.length < IDENTITY_BYTES ? unknown : { kind: 'identity', identity: readIdentity(data) };
    case REPLY.capabilities:
      return data.length > 0 && data.length < CAPABILITY_BYTES ? unknown : { kind: 'capabilities', capabilities: readCapabilities(data) };
    case REPLY.localStatus:
      return data.length < 2 ? unknown : { kind: 'localStatus', tamper: data[0] !== 0, powerFault: data[1] !== 0 };
    case REPLY.inputStatus:
      return { kind: 'inputs', states: [...data] };
    case REPLY.outputStatus:
      return { kind: 'outputs', states: [...data] };
    case REPLY.readerTamper:
      return { kind: 'readers', tampered: readFlags(data) };
    case REPLY.cardData:
      return data.length < 4 ? unknown : { kind: 'cardData', reader: data[0]!, bits: data.readUInt16LE(2) };
    case REPLY.cardDataFormatted:
      return data.length < 3 ? unknown : { kind: 'cardText', reader: data[0]!, characters: data[2]! };
    case REPLY.keypad:
      return data.length < 2 ? unknown : { kind: 'keypad', reader: data[0]!, digits: data[1]! };
    case REPLY.communication:
      return data.length < 5 ? unknown : { kind: 'communication', address: data[0]!, baudRate: data.readUInt32LE(1) };
    default:
      return unknown;
  }
}
