import { expect, test } from 'vitest';
import { decodeFrame, encodeFrame } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import {
  clientCryptogram,
  computeMac,
  DEFAULT_KEY,
  decryptData,
  deriveKeys,
  encryptData,
  initialMac,
  sameBytes,
  serverCryptogram,
} from '../../../../../agent/nodes/osdp/session/secure-channel.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const PANEL_RANDOM = hex('b0b1b2b3b4b5b6b7');

/** Observed handshakes: with the default key, and with an own one. */
const VECTORS = [
  {
    key: DEFAULT_KEY,
    pdRandom: 'a0a1a2a3a4a5a6a7',
    encryption: 'bf8dc2a8329acb8c67c6d0cd9a451682',
    mac1: '5e86c676603bdee2d8beafe178637332',
    mac2: '6fda86e857777e81132035758239172e',
    client: 'fde5d2f428ec16312471ea3c02bd7796',
    server: '26d3356e07762d262801fc8e6665a891',
    first: 'b2a30057eb98ba2229ec1f875662b524',
  },
  {
    key: hex('000102030405060708090a0b0c0d0e0f'),
    pdRandom: 'b8b9babbbcbdbebf',
    encryption: '65ee2c90c67a98fda8be8b7238b0dd94',
    mac1: 'bba5fa188624bea5dfb6d61d2596535c',
    mac2: '067a271b70c736c0df9a55c2c20df742',
    client: '43c096de401446c35599f9a6e8722d73',
    server: 'a4775f117924e07679ffb05a9aac24b5',
    first: '524f08c2178c613b91b5cd5fa0834574',
  },
];

test.each(VECTORS)('the handshake computes as observed', (vector) => {
  const keys = deriveKeys(vector.key, PANEL_RANDOM);
  expect(keys.encryption.toString('hex')).toBe(vector.encryption);
  expect(keys.mac1.toString('hex')).toBe(vector.mac1);
  expect(keys.mac2.toString('hex')).toBe(vector.mac2);
  const pdRandom = hex(vector.pdRandom);
  expect(clientCryptogram(keys, PANEL_RANDOM, pdRandom).toString('hex')).toBe(vector.client);
  const server = serverCryptogram(keys, PANEL_RANDOM, pdRandom);
  expect(server.toString('hex')).toBe(vector.server);
  expect(initialMac(keys, server).toString('hex')).toBe(vector.first);
});

test('the traffic of an open channel computes as observed', () => {
  const keys = deriveKeys(DEFAULT_KEY, PANEL_RANDOM);
  const firstMac = hex('b2a30057eb98ba2229ec1f875662b524');

  let commandMac = Buffer.alloc(0);
  const sign = (lastMac: Buffer) => (authenticated: Buffer) => {
    commandMac = Buffer.from(computeMac(keys, lastMac, authenticated));
    return commandMac;
  };
  const poll = { address: 1, sequence: 2, code: 0x60, security: { type: 0x15, data: Buffer.alloc(0) } } as const;
  expect(encodeFrame({ ...poll, mac: sign(firstMac) }).toString('hex')).toBe('ff53010e000e02156086da777e904f');

  const ack = decodeFrame(hex('53810e000e021640f5e7df51691f'))!;
  const ackMac = computeMac(keys, commandMac, ack.authenticated);
  expect(ackMac.subarray(0, 4)).toEqual(ack.mac);

  const data = encryptData(keys, ackMac, hex('00'));
  const id = { address: 1, sequence: 3, code: 0x61, security: { type: 0x17, data: Buffer.alloc(0) }, data } as const;
  expect(encodeFrame({ ...id, mac: sign(ackMac) }).toString('hex')).toBe('ff53011e000f0217614d9c1c3e208c1a4bced6ce55b63ccfe0bd472de8ab3a');

  const identity = decodeFrame(hex('53811e000f02184542af8bef18e565765b5a9af4491a76794e71e255209c'))!;
  expect(computeMac(keys, commandMac, identity.authenticated).subarray(0, 4)).toEqual(identity.mac);
  expect(decryptData(keys, commandMac, identity.data)!.toString('hex')).toBe('5eca00010201000010010203');
});

test.each([0, 1, 15, 16, 17, 32])('%i bytes come back from their encryption', (length) => {
  const keys = deriveKeys(DEFAULT_KEY, PANEL_RANDOM);
  const lastMac = hex('b2a30057eb98ba2229ec1f875662b524');
  const data = Buffer.alloc(length, 0x80);
  const encrypted = encryptData(keys, lastMac, data);
  expect(encrypted.length % 16).toBe(0);
  expect(decryptData(keys, lastMac, encrypted)).toEqual(data);
});

test('what is no whole block, or wrongly padded, is not decrypted', () => {
  const keys = deriveKeys(DEFAULT_KEY, PANEL_RANDOM);
  const lastMac = Buffer.alloc(16);
  expect(decryptData(keys, lastMac, Buffer.alloc(15))).toBeNull();
  const wrongKeys = deriveKeys(DEFAULT_KEY, hex('0000000000000000'));
  expect(decryptData(wrongKeys, lastMac, encryptData(keys, lastMac, hex('00')))).toBeNull();
  expect(decryptData(keys, lastMac, Buffer.alloc(0))).toEqual(Buffer.alloc(0));
});

test('bytes of different length are not the same', () => {
  expect(sameBytes(Buffer.alloc(2), Buffer.alloc(3))).toBe(false);
  expect(sameBytes(hex('0102'), hex('0102'))).toBe(true);
});
