import { type Answer, ack, COMMAND, NAK, nak, REPLY } from './codes.ts';
import type { PeripheralSettings } from './options.ts';

/** Speeds a COMSET may ask for. */
const BAUD_RATES = [9600, 19200, 38400, 57600, 115200, 230400];

/** Vendor, model, version, serial number, firmware: the 12 bytes of PDID. */
export function identityOf(settings: PeripheralSettings): Uint8Array {
  const out = new Uint8Array(12);
  out.set(settings.vendor);
  out[3] = settings.model;
  out[4] = settings.version;
  new DataView(out.buffer).setUint32(5, settings.serialNumber, true);
  out.set(settings.firmware, 9);
  return out;
}

/** The local status as LSTATR carries it: tamper, power. */
export function localStatus(settings: PeripheralSettings): Answer {
  return { code: REPLY.LSTATR, data: Uint8Array.of(settings.tampered ? 1 : 0, settings.powerFault ? 1 : 0) };
}

/** The state of reader 0 as RSTATR carries it: 0 normal, 2 tampered (OSDP 2.2, "osdp_RSTATR"). */
export function readerStatus(settings: PeripheralSettings): Answer {
  return { code: REPLY.RSTATR, data: Uint8Array.of(settings.readerTampered ? 2 : 0) };
}

/** The inputs as ISTATR carries them; one that has none does not know the command. */
export function inputStatus({ inputs }: PeripheralSettings): Answer {
  return states(REPLY.ISTATR, inputs);
}

/** The outputs as OSTATR carries them. */
export function outputStatus({ outputs }: PeripheralSettings): Answer {
  return states(REPLY.OSTATR, outputs);
}

/** A card as RAW carries it: reader 0, raw bit array, number of bits, the bits left-aligned in bytes. */
export function cardRead(bits: string): Answer {
  if (!/^[01]{1,1024}$/.test(bits)) throw new Error('a card is 1 to 1024 characters 0 or 1');
  const bytes = bits.match(/.{1,8}/g)!.map((octet) => Number.parseInt(octet.padEnd(8, '0'), 2));
  return { code: REPLY.RAW, data: Uint8Array.of(0, 0, bits.length & 0xff, bits.length >>> 8, ...bytes) };
}

function states(code: number, values: readonly number[]): Answer {
  return values.length === 0 ? nak(NAK.UNKNOWN) : { code, data: Uint8Array.from(values) };
}

function communication(data: Uint8Array): { address: number; baudRate: number } | null {
  const baudRate = new DataView(data.buffer, data.byteOffset).getUint32(1, true);
  return data[0]! <= 126 && BAUD_RATES.includes(baudRate) ? { address: data[0]!, baudRate } : null;
}

/** Lengths of the commands' data; a missing one is not understood. `min` only: records may follow. */
const LENGTHS: Record<number, { exact: number } | { min: number }> = {
  [COMMAND.POLL]: { exact: 0 },
  [COMMAND.ID]: { exact: 1 },
  [COMMAND.CAP]: { exact: 1 },
  [COMMAND.LSTAT]: { exact: 0 },
  [COMMAND.ISTAT]: { exact: 0 },
  [COMMAND.OSTAT]: { exact: 0 },
  [COMMAND.RSTAT]: { exact: 0 },
  [COMMAND.OUT]: { min: 4 },
  [COMMAND.LED]: { min: 14 },
  [COMMAND.BUZ]: { exact: 5 },
  [COMMAND.COMSET]: { exact: 5 },
  [COMMAND.KEYSET]: { exact: 18 },
};

/** An answer, and what takes effect once it has been sent. */
export interface Handled {
  answer: Answer;
  after?: () => void;
}

/** Carries out a command other than the handshake. `secured`: it came through the secure channel. */
export function handleCommand(
  settings: PeripheralSettings,
  events: Answer[],
  command: { code: number; data: Uint8Array },
  secured: boolean,
): Handled {
  const length = LENGTHS[command.code];
  if (!length) return { answer: nak(NAK.UNKNOWN) };
  const actual = command.data.length;
  if ('exact' in length ? actual !== length.exact : actual < length.min) return { answer: nak(NAK.LENGTH) };
  switch (command.code) {
    case COMMAND.POLL:
      return { answer: events.shift() ?? ack() };
    case COMMAND.ID:
      return { answer: { code: REPLY.PDID, data: identityOf(settings) } };
    case COMMAND.CAP:
      return { answer: { code: REPLY.PDCAP, data: Uint8Array.from(settings.capabilities.flat()) } };
    case COMMAND.LSTAT:
      return { answer: localStatus(settings) };
    case COMMAND.ISTAT:
      return { answer: inputStatus(settings) };
    case COMMAND.OSTAT:
      return { answer: outputStatus(settings) };
    case COMMAND.RSTAT:
      return { answer: readerStatus(settings) };
    case COMMAND.COMSET: {
      const wanted = communication(command.data);
      const now = wanted ?? { address: settings.address, baudRate: settings.baudRate };
      const data = new Uint8Array(5);
      data[0] = now.address;
      new DataView(data.buffer).setUint32(1, now.baudRate, true);
      return { answer: { code: REPLY.COM, data }, after: () => Object.assign(settings, now) };
    }
    case COMMAND.LED:
      return { answer: setLamps(settings, command.data) };
    case COMMAND.BUZ:
      return { answer: setBuzzer(settings, command.data) };
    case COMMAND.KEYSET:
      return installKey(settings, command.data, secured);
    default:
      return { answer: ack() };
  }
}

const hasFunction = ({ capabilities }: PeripheralSettings, code: number) => capabilities.some(([each]) => each === code);
const LAMPS = 4;
const BUZZERS = 5;
const LAMP_RECORD = 14;

/** LED: records of 14 bytes, a temporary setting (0 none, 1 ends, 2 begins) and a permanent one (0 none, 1 sets) in each. */
function setLamps(settings: PeripheralSettings, data: Uint8Array): Answer {
  if (!hasFunction(settings, LAMPS)) return nak(NAK.UNKNOWN);
  if (data.length % LAMP_RECORD !== 0) return nak(NAK.LENGTH);
  let lamp = settings.lamp;
  for (let at = 0; at < data.length; at += LAMP_RECORD) {
    const [reader, number, temporary, , , onColour, offColour, low, high, permanent, , , lastingOn, lastingOff] = data.subarray(
      at,
    ) as unknown as number[];
    if (temporary! > 2 || permanent! > 1) return nak(NAK.RECORD);
    if (permanent === 1) lamp = { reader: reader!, lamp: number!, onColour: lastingOn!, offColour: lastingOff!, tenths: null };
    if (temporary === 2) lamp = { reader: reader!, lamp: number!, onColour: onColour!, offColour: offColour!, tenths: low! | (high! << 8) };
  }
  settings.lamp = lamp;
  return ack();
}

/** BUZ: reader, tone (0 none, 1 off, 2 default), times on and off in tenths of a second, count. */
function setBuzzer(settings: PeripheralSettings, data: Uint8Array): Answer {
  if (!hasFunction(settings, BUZZERS)) return nak(NAK.UNKNOWN);
  const [reader, tone, onTenths, offTenths, count] = data as unknown as number[];
  if (tone! > 2) return nak(NAK.RECORD);
  settings.buzzer = { reader: reader!, tone: tone!, onTenths: onTenths!, offTenths: offTenths!, count: count! };
  return ack();
}

function installKey(settings: PeripheralSettings, data: Uint8Array, secured: boolean): Handled {
  const channel = settings.secureChannel;
  if (!channel || channel.refusesKeys) return { answer: nak(NAK.UNKNOWN) };
  if (!secured) return { answer: nak(NAK.SECURITY_REQUIRED) };
  if (data[0] !== 1 || data[1] !== 16) return { answer: nak(NAK.RECORD) };
  const key = data.slice(2);
  return { answer: ack(), after: () => Object.assign(channel, { key, acceptsDefaultKey: false }) };
}
