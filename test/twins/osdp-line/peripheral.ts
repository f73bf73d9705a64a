import type { Random } from '../../support/random.ts';
import { createChannel } from './channel.ts';
import { type Answer, COMMAND, NAK, nak, REPLY } from './codes.ts';
import { cardRead, handleCommand, inputStatus, localStatus, outputStatus, readerStatus } from './commands.ts';
import { BROADCAST, carriesMac, encodeFrame, type Frame, MARK } from './frame.ts';
import type { AnsweredInClear, PeripheralSettings } from './options.ts';

/** After so much silence from the panel a peripheral is off-line and drops its secure channel (OSDP 2.2, 5.7). */
const OFFLINE_MS = 8_000;
/** Events waiting for a POLL; the oldest gives way, as in a reader's small memory. */
const MAX_EVENTS = 64;

/** A reply to put on the wire, and what takes effect when it has been sent. */
export interface PeripheralReply {
  bytes: Uint8Array;
  after?: () => void;
}

/** The logic of one peripheral: strict about the protocol, silent about timing and faults, which the line adds. */
export interface PeripheralMachine {
  readonly secureChannelActive: boolean;
  /** Takes a frame that is for this peripheral (or for all). Null: it stays silent. */
  receive(frame: Frame, atMs: number): PeripheralReply | null;
  /** Answers a frame with a wrong check. */
  badCheck(): PeripheralReply;
  /** Queues a card for the next POLL. */
  presentCard(bits: string): void;
  /** Queues the local status for the next POLL. */
  statusChanged(): void;
  /** Queues the readers' status for the next POLL. */
  readersChanged(): void;
  /** Queues the inputs' or the outputs' status for the next POLL. */
  inputsChanged(): void;
  outputsChanged(): void;
  /** Forgets all that does not survive a loss of power. Keys and communication settings do. */
  reset(): void;
}

/** What is answered in clear even when the secure channel is required. */
const IN_CLEAR: Readonly<Record<AnsweredInClear, readonly number[]>> = {
  identity_and_capabilities: [COMMAND.ID, COMMAND.CAP],
  identity: [COMMAND.ID],
  nothing: [],
};

export function createPeripheralMachine(settings: PeripheralSettings, random: Random): PeripheralMachine {
  const channel = createChannel(settings, random);
  let lastSequence: number | null = null;
  let lastRequest: Uint8Array | null = null;
  let lastReply: Uint8Array | null = null;
  let lastHeardMs = Number.NEGATIVE_INFINITY;
  let events: Answer[] = [];
  /** BUSY answers to the COMSET or KEYSET that is being carried out. */
  let busies = 0;
  let polled = false;

  const queue = (event: Answer): void => {
    events.push(event);
    if (events.length > MAX_EVENTS) events.shift();
  };
  const report = (event: Answer): void => {
    if (settings.reportsChanges) queue(event);
  };
  const checkFor = (frame: Frame) => {
    if (settings.check === 'as_asked') return frame.check;
    return settings.check.startsWith('checksum') ? 'checksum' : 'crc';
  };
  const headFor = (frame: Frame, sequence = frame.sequence) => ({
    address: frame.address === BROADCAST ? BROADCAST : settings.address,
    reply: true,
    sequence,
    check: checkFor(frame),
  });
  const clear = (frame: Frame, answer: Answer, block: Uint8Array | null = null): Uint8Array =>
    encodeFrame({ ...headFor(frame), block, code: answer.code, data: answer.data });
  const marked = (bytes: Uint8Array): Uint8Array => (settings.mark ? Uint8Array.of(MARK, ...bytes) : bytes);

  /** The bytes of the answer to a command in order, and what follows from it. */
  const answerTo = (frame: Frame): PeripheralReply => {
    const { faults, secureChannel } = settings;
    if (faults.alwaysNak !== undefined) return { bytes: clear(frame, nak(faults.alwaysNak)) };
    if (frame.code === COMMAND.CHLNG || frame.code === COMMAND.SCRYPT) {
      const { answer, block } = channel.handshake(frame);
      return { bytes: clear(frame, answer, block) };
    }
    if (carriesMac(frame.block)) {
      const data = channel.open(frame);
      if (!data) return { bytes: clear(frame, nak(NAK.SECURITY_REQUIRED)) };
      const { answer, after } = handleCommand(settings, events, { code: frame.code, data }, true);
      const bytes = channel.seal(headFor(frame), answer);
      if (frame.code === COMMAND.KEYSET && answer.code === REPLY.ACK && !secureChannel?.keepsChannelAfterKeyset) channel.end();
      return after ? { bytes, after } : { bytes };
    }
    if (channel.active) {
      if (secureChannel?.answersClearInside) {
        const { answer } = handleCommand(settings, events, frame, false);
        return { bytes: channel.seal(headFor(frame), answer) };
      }
      channel.end();
      return { bytes: clear(frame, nak(NAK.SECURITY_REQUIRED)) };
    }
    const inClear = IN_CLEAR[secureChannel?.inClear ?? 'identity_and_capabilities'];
    if (secureChannel?.required && !inClear.includes(frame.code)) return { bytes: clear(frame, nak(NAK.SECURITY_REQUIRED)) };
    const { answer, after } = handleCommand(settings, events, frame, false);
    return after ? { bytes: clear(frame, answer), after } : { bytes: clear(frame, answer) };
  };

  const isBusy = ({ code }: Frame): boolean => {
    const { faults, busyForSettings } = settings;
    if (code === COMMAND.COMSET || code === COMMAND.KEYSET) {
      busies = busies < busyForSettings ? busies + 1 : 0;
      if (busies > 0) return true;
    }
    if (faults.busyTimes) {
      faults.busyTimes--;
      return true;
    }
    return random.chance(faults.busyRate ?? 0);
  };

  return {
    get secureChannelActive() {
      return channel.active;
    },

    receive(frame, atMs) {
      if (settings.check === 'crc_only' && frame.check !== 'crc') return null;
      if (settings.check === 'checksum_only' && frame.check !== 'checksum') return null;
      if (settings.check === 'checksum_or_nak' && frame.check !== 'checksum') return { bytes: marked(clear(frame, nak(NAK.CHECK))) };
      if (atMs - lastHeardMs > OFFLINE_MS) {
        channel.end();
        polled = false;
      }
      lastHeardMs = atMs;
      if (settings.waitsForPoll && !polled) {
        if (frame.code !== COMMAND.POLL) return null;
        polled = true;
        queue(inputStatus(settings));
      }
      if (frame.sequence === 0) {
        channel.end();
        lastSequence = null;
      } else if (frame.sequence === lastSequence && lastRequest && lastReply && Buffer.compare(frame.bytes, lastRequest) === 0) {
        return { bytes: marked(lastReply) };
      } else if (settings.policesSequence && (lastSequence === null || frame.sequence !== (lastSequence % 3) + 1)) {
        return { bytes: marked(clear(frame, nak(NAK.SEQUENCE))) };
      }
      if (frame.code === COMMAND.CHLNG && settings.faults.ignoresChallenge) return null;
      if (isBusy(frame))
        return { bytes: marked(encodeFrame({ ...headFor(frame, 0), block: null, code: REPLY.BUSY, data: new Uint8Array(0) })) };
      const { bytes, after } = answerTo(frame);
      lastSequence = frame.sequence;
      lastRequest = frame.bytes;
      lastReply = bytes;
      return after ? { bytes: marked(bytes), after } : { bytes: marked(bytes) };
    },

    badCheck: () => ({
      bytes: marked(
        encodeFrame({
          address: settings.address,
          reply: true,
          sequence: 0,
          check: 'crc',
          block: null,
          code: REPLY.NAK,
          data: Uint8Array.of(NAK.CHECK),
        }),
      ),
    }),

    presentCard: (bits) => queue(cardRead(bits)),
    statusChanged: () => report(localStatus(settings)),
    readersChanged: () => report(readerStatus(settings)),
    inputsChanged: () => report(inputStatus(settings)),
    outputsChanged: () => report(outputStatus(settings)),
    reset() {
      channel.end();
      lastSequence = null;
      lastRequest = null;
      lastReply = null;
      events = [];
      polled = false;
    },
  };
}
