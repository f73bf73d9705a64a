import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';
import { OSDP_DEFAULT_KEY } from '../../../contract/osdp.ts';

/** Cryptography of the OSDP secure channel (SIA OSDP 2.2, annex "Secure channel protocol"): AES-128 only, pure functions. */

export const BLOCK_BYTES = 16;
/** Each side's random number in the handshake. */
export const CHALLENGE_BYTES = 8;

/** The published default key SCBK-D (30 31 … 3f). It protects nothing: it is public. */
export const DEFAULT_KEY: Buffer = Buffer.from(OSDP_DEFAULT_KEY, 'hex');

/** Encrypts one block of 16 bytes. */
type BlockCipher = (block: Buffer) => Buffer;

/** The keys of one secure channel. */
export interface ChannelKeys {
  encryption: Buffer;
  mac1: Buffer;
  mac2: Buffer;
  /** The two keys of the MAC, ready for use: to make a cipher costs ten times as much as a block, and each frame needs one. */
  macBlock1: BlockCipher;
  macBlock2: BlockCipher;
}

/** In this mode a cipher has no state: one serves for any number of blocks. */
function blockCipher(key: Buffer): BlockCipher {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return (block) => cipher.update(block);
}

const encryptBlock = (key: Buffer, block: Buffer): Buffer => blockCipher(key)(block);

function derive(base: BlockCipher, label: number, challenge: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set([0x01, label]);
  challenge.copy(block, 2, 0, 6);
  return base(block);
}

/** Session keys from the base key (SCBK) and the control panel's random number. */
export function deriveKeys(baseKey: Buffer, challenge: Buffer): ChannelKeys {
  const base = blockCipher(baseKey);
  const [encryption, mac1, mac2] = [derive(base, 0x82, challenge), derive(base, 0x01, challenge), derive(base, 0x02, challenge)];
  return { encryption, mac1, mac2, macBlock1: blockCipher(mac1), macBlock2: blockCipher(mac2) };
}

/** What the PD proves its key with: over the panel's random number, then its own. */
export function clientCryptogram(keys: ChannelKeys, panelRandom: Buffer, pdRandom: Buffer): Buffer {
  return encryptBlock(keys.encryption, Buffer.concat([panelRandom, pdRandom]));
}

/** What the panel proves its key with: the same numbers the other way round. */
export function serverCryptogram(keys: ChannelKeys, panelRandom: Buffer, pdRandom: Buffer): Buffer {
  return encryptBlock(keys.encryption, Buffer.concat([pdRandom, panelRandom]));
}

/** RMAC_I, the MAC that both sides start from. */
export function initialMac(keys: ChannelKeys, panelCryptogram: Buffer): Buffer {
  return keys.macBlock2(keys.macBlock1(panelCryptogram));
}

function pad(data: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil((data.length + 1) / BLOCK_BYTES) * BLOCK_BYTES);
  data.copy(padded);
  padded[data.length] = 0x80;
  return padded;
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.allocUnsafe(a.length);
  for (let at = 0; at < a.length; at++) out[at] = a[at]! ^ b[at]!;
  return out;
}

/** The 16-byte MAC of a frame. `lastMac` is the other direction's last one. Padded only when not aligned to a block. */
export function computeMac(keys: ChannelKeys, lastMac: Buffer, authenticated: Buffer): Buffer {
  const message = authenticated.length % BLOCK_BYTES === 0 ? authenticated : pad(authenticated);
  let chained = lastMac;
  for (let at = 0; at < message.length; at += BLOCK_BYTES) {
    const last = at + BLOCK_BYTES >= message.length;
    const encrypt = last ? keys.macBlock2 : keys.macBlock1;
    chained = encrypt(xor(message.subarray(at, at + BLOCK_BYTES), chained));
  }
  return chained;
}

function initialVector(lastMac: Buffer): Buffer {
  return Buffer.from(lastMac.map((value) => ~value));
}

/** Encrypts a frame's data; always padded. `lastMac` is the other direction's last one. */
export function encryptData(keys: ChannelKeys, lastMac: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-cbc', keys.encryption, initialVector(lastMac)).setAutoPadding(false);
  return Buffer.concat([cipher.update(pad(data)), cipher.final()]);
}

/** Decrypts a frame's data, or null when it is not whole blocks or the padding is wrong. */
export function decryptData(keys: ChannelKeys, lastMac: Buffer, data: Buffer): Buffer | null {
  if (data.length === 0) return data;
  if (data.length % BLOCK_BYTES !== 0) return null;
  const decipher = createDecipheriv('aes-128-cbc', keys.encryption, initialVector(lastMac)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(data), decipher.final()]);
  let end = padded.length - 1;
  while (end > 0 && padded[end] === 0) end--;
  return padded[end] === 0x80 ? padded.subarray(0, end) : null;
}

/** Compares in constant time. */
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
