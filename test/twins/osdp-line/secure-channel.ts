import { createCipheriv, createDecipheriv } from 'node:crypto';

/** The keys of one session. */
export interface SessionKeys {
  enc: Uint8Array;
  mac1: Uint8Array;
  mac2: Uint8Array;
}

/** The default base key: public, so it protects nothing (OSDP 2.2, annex D). */
export const SCBK_D = Uint8Array.from({ length: 16 }, (_, index) => 0x30 + index);

const BLOCK = 16;
const PAD = 0x80;

/** One AES-128 block. */
function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return Uint8Array.from(Buffer.concat([cipher.update(block), cipher.final()]));
}

function encryptChain(key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return Uint8Array.from(Buffer.concat([cipher.update(blocks), cipher.final()]));
}

function padTo(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(bytes);
  if (length > bytes.length) out[bytes.length] = PAD;
  return out;
}

/** The session keys from the base key and the panel's random number. */
export function deriveKeys(scbk: Uint8Array, panelRandom: Uint8Array): SessionKeys {
  const derive = (purpose: number): Uint8Array => {
    const seed = new Uint8Array(BLOCK);
    seed.set([0x01, purpose]);
    seed.set(panelRandom.subarray(0, 6), 2);
    return encryptBlock(scbk, seed);
  };
  return { enc: derive(0x82), mac1: derive(0x01), mac2: derive(0x02) };
}

/** The proof of whoever names `first` first: the peripheral sends E(A‖B), the panel E(B‖A). */
export function cryptogram(keys: SessionKeys, first: Uint8Array, second: Uint8Array): Uint8Array {
  return encryptBlock(keys.enc, Uint8Array.from([...first, ...second]));
}

/** The MAC the session starts from (RMAC_I). */
export function initialMac(keys: SessionKeys, panelCryptogram: Uint8Array): Uint8Array {
  return encryptBlock(keys.mac2, encryptBlock(keys.mac1, panelCryptogram));
}

/** The 16 bytes of MAC over a message; the first four travel. `previous` is the other direction's last MAC. */
export function messageMac(keys: SessionKeys, previous: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = padTo(message, Math.ceil(message.length / BLOCK) * BLOCK);
  const last = padded.length - BLOCK;
  const iv = last === 0 ? previous : encryptChain(keys.mac1, previous, padded.subarray(0, last)).subarray(last - BLOCK);
  return encryptChain(keys.mac2, iv, padded.subarray(last));
}

const inverted = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => ~byte & 0xff);

/** Encrypts a message's data; it is always padded, with a whole block when it fills its last one. */
export function encryptData(keys: SessionKeys, previousMac: Uint8Array, data: Uint8Array): Uint8Array {
  return encryptChain(keys.enc, inverted(previousMac), padTo(data, (Math.floor(data.length / BLOCK) + 1) * BLOCK));
}

/** Undoes `encryptData`; null when there are no whole blocks or the padding is wrong. */
export function decryptData(keys: SessionKeys, previousMac: Uint8Array, data: Uint8Array): Uint8Array | null {
  if (data.length === 0 || data.length % BLOCK !== 0) return null;
  const decipher = createDecipheriv('aes-128-cbc', keys.enc, inverted(previousMac)).setAutoPadding(false);
  const plain = Uint8Array.from(Buffer.concat([decipher.update(data), decipher.final()]));
  const pad = plain.lastIndexOf(PAD);
  return pad < 0 || plain.subarray(pad + 1).some((byte) => byte !== 0) ? null : plain.subarray(0, pad);
}
