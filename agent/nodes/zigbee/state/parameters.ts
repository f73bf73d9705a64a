import type { Entropy } from '../../../system/entropy.ts';
import { Secret } from '../../../system/secret.ts';

/** What makes a Zigbee network the one that it is. */
export interface NetworkParameters {
  /** 1 to 0xfffe without the top nibble of broadcasts: 0x0001 to 0x3fff, as in Zigbee specification, 3.6.1.7. */
  panId: number;
  /** 16 lower-case hex digits, the most significant first. */
  extendedPanId: string;
  /** 32 lower-case hex digits. */
  networkKey: Secret;
  /** 11 to 26. */
  channel: number;
}

const MAX_PAN_ID = 0x3fff;
const EXTENDED_PAN_ID_BYTES = 8;
const KEY_BYTES = 16;

const isTrivial = (bytes: Buffer) => bytes.every((byte) => byte === bytes[0]);

function bytesOf(entropy: Entropy, length: number): Buffer {
  const bytes = entropy.bytes(length);
  if (isTrivial(bytes)) throw new Error('the source of randomness gives none');
  return bytes;
}

/**
 * A new network's identity, from the operating system's randomness: the library's own default key is published.
 * @throws Error when the source of randomness repeats one byte
 */
export function newParameters(entropy: Entropy, channel: number): NetworkParameters {
  const panId = 1 + (entropy.bytes(2).readUInt16BE() % MAX_PAN_ID);
  const extendedPanId = bytesOf(entropy, EXTENDED_PAN_ID_BYTES).toString('hex');
  return { panId, extendedPanId, networkKey: new Secret(bytesOf(entropy, KEY_BYTES).toString('hex')), channel };
}

/** Whether both are the same network; the channel is where it is, not which one. */
export function isSameNetwork(a: NetworkParameters, b: NetworkParameters): boolean {
  return a.panId === b.panId && a.extendedPanId === b.extendedPanId && a.networkKey.reveal() === b.networkKey.reveal();
}
