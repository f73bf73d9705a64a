import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';
import { OSDP_DEFAULT_KEY } from '../../../contract/osdp.ts';

/** Cryptography of the OSDP secure channel (SIA OSDP 2.2, annex "Secure channel protocol"): AES-128 only, pure functions. */

export const BLOCK_BYTES = 16;
/** Each side's random number in the handshake. */
export const CHALLENGE_BYTES = 8;

/** The published default key SCBK-D (30 31 … 3f). It protects nothing: it is public. */
export const DEFAULT_KEY: Buffer = Buffer.from(OSDP_DEFAULT_KEY, 'hex');

/** The keys of one secure channel. */
export interface ChannelKeys {
  encryption: Buffer;
  mac1: Buffer;
  mac2: Buffer;
}

function encryptBlock(key: Buffer, block: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

function derive(baseKey: Buffer, label: number, challenge: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set([0x01, label]);
  challenge.copy(block, 2, 0, 6);
  return encryptBlock(baseKey, block);
}

/** Session keys from the base key (SCBK) and the control panel's random number. */
export function deriveKeys(baseKey: Buffer, challenge: Buffer): ChannelKeys {
  return { encryption: derive(baseKey, 0x82, challenge), mac1: derive(baseKey, 0x01, challenge), mac2: derive(baseKey, 0x02, challenge) };
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
  return encryptBlock(keys.mac2, encryptBlock(keys.mac1, panelCryptogram));
}

function pad(data: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil((data.length + 1) / BLOCK_BYTES) * BLOCK_BYTES);
  data.copy(padded);
  padded[data.length] = 0x80;
  return padded;
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((value, index) => value ^ b[index]!));
}

/** The 16-byte MAC of a frame. `lastMac` is the other direction's last one. Padded only when not aligned to a block. */
export function computeMac(keys: ChannelKeys, lastMac: Buffer, authenticated: Buffer): Buffer {
  const message = authenticated.length % BLOCK_BYTES === 0 ? authenticated : pad(authenticated);
  let chained = lastMac;
  for (let at = 0; at < message.length; at += BLOCK_BYTES) {
    const last = at + BLOCK_BYTES >= message.length;
    chained = encryptBlock(last ? keys.mac2 : keys.mac1, xor(message.subarray(at, at + BLOCK_BYTES), chained));
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
