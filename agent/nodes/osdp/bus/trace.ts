import type { BusTrace } from '../../../contract/trace.ts';
import type { WallClock } from '../../../system/clock.ts';
import { COMMAND, NAK, REPLY, SECURITY } from '../codec/codes.ts';
import { decodeFrame, type Frame, MARK } from '../codec/frame.ts';
import { decodeReply, type Reply } from '../codec/reply.ts';
import type { Line, Outcome, Request } from '../port/line.ts';

/** Shows the traffic of a line to its subscribers. Costs one comparison a transaction without a subscriber. */
export interface LineTrace {
  /** The same line, watched. */
  watch(line: Line): Line;
  /** A reply outside of a transaction. */
  stray(frame: Frame): void;
  /** Returns the unsubscriber. */
  onTrace(listener: (trace: BusTrace) => void): () => void;
}

/** Start byte, address, length and control; code, data and check come on top. */
const HEADER_BYTES = 5;
const CHECK_BYTES = { crc: 2, checksum: 1 } as const;
/** From this security block on the data is encrypted (SCS_17, SCS_18). */
const FIRST_ENCRYPTED = SECURITY.commandMacEncrypted;

const COMMAND_NAMES: ReadonlyMap<number, string> = new Map([
  [COMMAND.poll, 'POLL'],
  [COMMAND.id, 'ID'],
  [COMMAND.capabilities, 'CAP'],
  [COMMAND.localStatus, 'LSTAT'],
  [COMMAND.inputStatus, 'ISTAT'],
  [COMMAND.outputStatus, 'OSTAT'],
  [COMMAND.readerStatus, 'RSTAT'],
  [COMMAND.led, 'LED'],
  [COMMAND.buzzer, 'BUZ'],
  [COMMAND.communication, 'COMSET'],
  [COMMAND.keySet, 'KEYSET'],
  [COMMAND.challenge, 'CHLNG'],
  [COMMAND.serverCryptogram, 'SCRYPT'],
]);

const REPLY_NAMES: ReadonlyMap<number, string> = new Map([
  [REPLY.ack, 'ACK'],
  [REPLY.nak, 'NAK'],
  [REPLY.id, 'PDID'],
  [REPLY.capabilities, 'PDCAP'],
  [REPLY.localStatus, 'LSTATR'],
  [REPLY.inputStatus, 'ISTATR'],
  [REPLY.outputStatus, 'OSTATR'],
  [REPLY.readerTamper, 'RSTATR'],
  [REPLY.cardData, 'RAW'],
  [REPLY.cardDataFormatted, 'FMT'],
  [REPLY.keypad, 'KEYPAD'],
  [REPLY.communication, 'COM'],
  [REPLY.clientCryptogram, 'CCRYPT'],
  [REPLY.initialMac, 'RMAC_I'],
  [REPLY.busy, 'BUSY'],
]);

const NAK_TEXTS: ReadonlyMap<number, string> = new Map([
  [NAK.check, 'bad checksum'],
  [NAK.length, 'wrong length'],
  [NAK.unknownCommand, 'unknown command'],
  [NAK.sequence, 'wrong sequence number'],
  [NAK.secureChannelUnsupported, 'secure channel not supported'],
  [NAK.secureChannelRequired, 'secure channel required'],
  [NAK.record, 'wrong record'],
]);

function nameOf(frame: Frame): string {
  const known = (frame.reply ? REPLY_NAMES : COMMAND_NAMES).get(frame.code);
  return known ?? `0x${frame.code.toString(16).padStart(2, '0')}`;
}

function textOfReply(reply: Reply): string {
  switch (reply.kind) {
    case 'nak':
      return NAK_TEXTS.get(reply.reason) ?? `reason ${reply.reason}`;
    case 'identity': {
      const { vendor, model, version, serialNumber, firmware } = reply.identity;
      return `vendor ${vendor} model ${model}.${version} serial ${serialNumber} firmware ${firmware}`;
    }
    case 'capabilities':
      return reply.capabilities.map(({ code, compliance, count }) => `${code}:${compliance}/${count}`).join(' ');
    case 'localStatus':
      return `tamper ${reply.tamper ? 'yes' : 'no'}, power fault ${reply.powerFault ? 'yes' : 'no'}`;
    case 'cardData':
      return `reader ${reply.reader}, ${reply.bits} bits [masked]`;
    case 'cardText':
      return `reader ${reply.reader}, ${reply.characters} characters [masked]`;
    case 'keypad':
      return `reader ${reply.reader}, ${reply.digits} digits [masked]`;
    case 'communication':
      return `address ${reply.address}, ${reply.baudRate} baud`;
    case 'inputs':
    case 'outputs':
      return reply.states.map((state) => state.toString(16)).join(' ');
    case 'readers':
      return reply.tampered.map((on) => (on ? 'tampered' : 'ok')).join(' ');
    default:
      return '';
  }
}

/** The meaning of a frame, as far as it may be shown: the data of a handshake helps to break it, and encrypted data is not decrypted for a trace. */
function textOf(frame: Frame): string {
  const { data, security } = frame;
  const handshake = security !== null && security.type <= SECURITY.initialMac;
  if (handshake && data.length > 0) return `${data.length} bytes [masked]`;
  if (security !== null && security.type >= FIRST_ENCRYPTED && data.length > 0) return `${data.length} bytes encrypted`;
  if (frame.reply) {
    const text = textOfReply(decodeReply(frame.code, data));
    return text || (data.length > 0 ? `${data.length} bytes [masked]` : '');
  }
  return '';
}

export function createLineTrace({ bus, wallClock }: { bus: string; wallClock: WallClock }): LineTrace {
  const listeners = new Set<(trace: BusTrace) => void>();

  const tell = (trace: Omit<BusTrace, 'at' | 'bus'>) => {
    const full = { at: wallClock.nowMs(), bus, ...trace };
    for (const listener of listeners) listener(full);
  };

  const tellFrame = (kind: 'sent' | 'received', frame: Frame, note = '') =>
    tell({
      kind,
      address: frame.address,
      name: nameOf(frame),
      sequence: frame.sequence,
      bytes: frame.authenticated.length + (frame.mac?.length ?? 0) + CHECK_BYTES[frame.check],
      security: frame.security === null ? null : `SCS_${frame.security.type.toString(16)}`,
      text: [textOf(frame), note].filter((part) => part !== '').join(' '),
    });

  const tellOutcome = (address: number, outcome: Outcome) => {
    if (outcome.kind === 'reply') return tellFrame('received', outcome.frame, `after ${outcome.firstByteMs.toFixed(1)} ms`);
    const heard = outcome.kind === 'down' ? 'lost' : outcome.heard;
    const text = SILENCE[heard];
    tell({ kind: 'silence', heard, address, name: null, sequence: null, bytes: null, security: null, text });
  };

  const traced = async (line: Line, request: Request) => {
    const { bytes } = request;
    const frame = bytes.length > HEADER_BYTES ? decodeFrame(bytes[0] === MARK ? bytes.subarray(1) : bytes) : null;
    if (frame) tellFrame('sent', frame);
    // The trace tells when each answer began.
    const outcome = await line.transact({ ...request, unhurried: false });
    tellOutcome(request.address, outcome);
    return outcome;
  };

  return {
    watch(line) {
      return {
        ...line,
        transact: (request) => (listeners.size === 0 ? line.transact(request) : traced(line, request)),
      };
    },
    stray(frame) {
      if (listeners.size > 0) tellFrame('received', frame, '(late: outside of a transaction)');
    },
    onTrace(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

const SILENCE: Readonly<Record<NonNullable<BusTrace['heard']>, string>> = {
  nothing: 'no answer',
  stray: 'no answer, but the late one of another',
  noise: 'noise, no frame',
  lost: 'the port went away',
};
