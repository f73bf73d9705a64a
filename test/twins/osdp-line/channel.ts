import type { Random } from '../../support/random.ts';
import { type Answer, COMMAND, NAK, nak, REPLY } from './codes.ts';
import { identityOf } from './commands.ts';
import { encodeFrame, type Frame, type FrameFields } from './frame.ts';
import { acceptsDefaultKey, type PeripheralSettings } from './options.ts';
import { cryptogram, decryptData, deriveKeys, encryptData, initialMac, messageMac, SCBK_D, type SessionKeys } from './secure-channel.ts';

const SCS = {
  CHLNG: 0x11,
  CCRYPT: 0x12,
  SCRYPT: 0x13,
  RMAC_I: 0x14,
  COMMAND_MAC: 0x15,
  REPLY_MAC: 0x16,
  COMMAND_DATA: 0x17,
  REPLY_DATA: 0x18,
};

/** A step of the handshake: the answer and its security block (null: the answer goes in clear). */
export interface HandshakeReply {
  answer: Answer;
  block: Uint8Array | null;
}

/** The peripheral's end of the secure channel. */
export interface Channel {
  readonly active: boolean;
  /** CHLNG and SCRYPT. */
  handshake(frame: Frame): HandshakeReply;
  /** The command's plain data, or null when its MAC or padding is wrong: the channel has ended then. */
  open(frame: Frame): Uint8Array | null;
  /** Frames an answer for the channel. */
  seal(head: Omit<FrameFields, 'block' | 'code' | 'data'>, answer: Answer): Uint8Array;
  end(): void;
}

type State =
  | { name: 'closed' }
  | { name: 'challenged'; keys: SessionKeys; keyType: number; expected: Uint8Array }
  | { name: 'active'; keys: SessionKeys; lastMac: Uint8Array };

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export function createChannel(settings: PeripheralSettings, random: Random): Channel {
  let state: State = { name: 'closed' };
  const refuse = (reason: number): HandshakeReply => {
    state = { name: 'closed' };
    return { answer: nak(reason), block: null };
  };

  const baseKey = (keyType: number): Uint8Array | null => {
    if (!settings.secureChannel) return null;
    if (keyType === 1) return settings.secureChannel.key ?? null;
    return acceptsDefaultKey(settings.secureChannel) ? SCBK_D : null;
  };

  const challenge = (frame: Frame): HandshakeReply => {
    const keyType = frame.block?.[2];
    if (!settings.secureChannel || keyType === undefined || frame.block?.[1] !== SCS.CHLNG) return refuse(NAK.SECURITY_UNSUPPORTED);
    if (frame.data.length !== 8) return refuse(NAK.LENGTH);
    const scbk = baseKey(keyType);
    if (!scbk) return refuse(settings.secureChannel.missingKeyNak ?? NAK.SECURITY_UNSUPPORTED);
    const keys = deriveKeys(scbk, frame.data);
    const own = random.bytes(8);
    const clientId = settings.secureChannel.clientId ?? identityOf(settings).subarray(0, 8);
    state = { name: 'challenged', keys, keyType, expected: cryptogram(keys, own, frame.data) };
    const data = Uint8Array.from([...clientId, ...own, ...cryptogram(keys, frame.data, own)]);
    return { answer: { code: REPLY.CCRYPT, data }, block: Uint8Array.of(3, SCS.CCRYPT, keyType) };
  };

  const prove = (frame: Frame): HandshakeReply => {
    if (!settings.secureChannel) return refuse(NAK.SECURITY_UNSUPPORTED);
    if (state.name !== 'challenged' || frame.block?.[1] !== SCS.SCRYPT || frame.block[2] !== state.keyType)
      return refuse(NAK.SECURITY_REQUIRED);
    if (!equal(frame.data, state.expected)) return refuse(NAK.SECURITY_REQUIRED);
    const lastMac = initialMac(state.keys, state.expected);
    state = { name: 'active', keys: state.keys, lastMac };
    return { answer: { code: REPLY.RMAC_I, data: lastMac }, block: Uint8Array.of(3, SCS.RMAC_I, 1) };
  };

  return {
    get active() {
      return state.name === 'active';
    },
    handshake: (frame) => (frame.code === COMMAND.CHLNG ? challenge(frame) : prove(frame)),

    open(frame) {
      if (state.name !== 'active' || !frame.mac) return null;
      const { keys, lastMac } = state;
      const signed = frame.bytes.subarray(0, frame.mac.byteOffset - frame.bytes.byteOffset);
      const mac = messageMac(keys, lastMac, signed);
      const type = frame.block?.[1];
      const data = type === SCS.COMMAND_DATA ? decryptData(keys, lastMac, frame.data) : frame.data;
      if (!equal(mac.subarray(0, 4), frame.mac) || !data || (type !== SCS.COMMAND_MAC && type !== SCS.COMMAND_DATA)) {
        state = { name: 'closed' };
        return null;
      }
      state = { name: 'active', keys, lastMac: mac };
      return data;
    },

    seal(head, answer) {
      if (state.name !== 'active') throw new Error('no secure channel');
      const { keys, lastMac } = state;
      const hasData = answer.data.length > 0;
      const inClear = settings.secureChannel?.leavesDataInClear ?? false;
      const type = hasData ? (inClear ? SCS.COMMAND_MAC : SCS.REPLY_DATA) : SCS.REPLY_MAC;
      const data = hasData && !inClear ? encryptData(keys, lastMac, answer.data) : answer.data;
      return encodeFrame({ ...head, block: Uint8Array.of(2, type), code: answer.code, data }, (signed) => {
        const mac = messageMac(keys, lastMac, signed);
        state = { name: 'active', keys, lastMac: mac };
        return mac.subarray(0, 4);
      });
    },

    end() {
      state = { name: 'closed' };
    },
  };
}
