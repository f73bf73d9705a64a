import { expect, test } from 'vitest';
import { COMMAND, NAK, REPLY } from './codes.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import { type PeripheralOptions, settingsOf } from './options.ts';
import { createPeripheralMachine } from './peripheral.ts';
import { cryptogram, decryptData, deriveKeys, encryptData, initialMac, messageMac, SCBK_D, type SessionKeys } from './secure-channel.ts';
import { createTestPanel, hex, type TestPanel, toHex } from './test-panel.ts';

const A = hex('b0b1b2b3b4b5b6b7');
const OWN_KEY = hex('000102030405060708090a0b0c0d0e0f');
const ZERO = Uint8Array.of(0);

/** A peripheral alone, whose random number is given. */
function machineWith(options: PeripheralOptions, ownRandom: string) {
  const random = { unit: () => 0, byte: () => 0, bytes: () => hex(ownRandom), chance: () => false };
  return createPeripheralMachine(settingsOf(options, 9600), random);
}

const receive = (machine: ReturnType<typeof machineWith>, request: string): string =>
  toHex(machine.receive(decodeFrame(hex(request.slice(2)))!, 0)!.bytes);

test('a session under the default key is byte for byte the observed one', () => {
  const clientId = hex('5eca010001000010');
  const machine = machineWith(
    { address: 1, serialNumber: 0x1000_0001, firmware: [1, 2, 3], secureChannel: { clientId } },
    'a0a1a2a3a4a5a6a7',
  );
  expect(receive(machine, 'ff530113000c03110076b0b1b2b3b4b5b6b7769a')).toBe(
    '53812b000c031200765eca010001000010a0a1a2a3a4a5a6a7fde5d2f428ec16312471ea3c02bd77965bd2',
  );
  expect(receive(machine, 'ff53011b000d0313007726d3356e07762d262801fc8e6665a89178ed')).toBe(
    '53811b000d03140178b2a30057eb98ba2229ec1f875662b52456b2',
  );
  expect(machine.secureChannelActive).toBe(true);
  expect(receive(machine, 'ff53010e000e02156086da777e904f')).toBe('53810e000e021640f5e7df51691f');
  expect(receive(machine, 'ff53011e000f0217614d9c1c3e208c1a4bced6ce55b63ccfe0bd472de8ab3a')).toBe(
    '53811e000f02184542af8bef18e565765b5a9af4491a76794e71e255209c',
  );
});

/** The panel's end of a session, as far as the tests need it. */
function openSession(panel: TestPanel, address: number, scbk: Uint8Array, keyType: number) {
  const challenge = panel.ask(address, COMMAND.CHLNG, { block: Uint8Array.of(3, 0x11, keyType), data: A }).frames[0]!;
  if (challenge.code !== REPLY.CCRYPT) return { refused: challenge.data[0]! };
  const keys: SessionKeys = deriveKeys(scbk, A);
  const own = challenge.data.subarray(8, 16);
  const genuine = toHex(cryptogram(keys, A, own)) === toHex(challenge.data.subarray(16));
  const proof = cryptogram(keys, own, A);
  const accepted = panel.ask(address, COMMAND.SCRYPT, { sequence: 1, block: Uint8Array.of(3, 0x13, keyType), data: proof }).frames[0]!;
  let mac = initialMac(keys, proof);
  let sequence = 1;
  const sign = (signed: Uint8Array): Uint8Array => {
    mac = messageMac(keys, mac, signed);
    return mac.subarray(0, 4);
  };
  return {
    genuine,
    accepted,
    ask(code: number, data: Uint8Array = new Uint8Array(0)): { frame: Frame; plain: Uint8Array; authentic: boolean } {
      sequence = (sequence % 3) + 1;
      const block = Uint8Array.of(2, data.length > 0 ? 0x17 : 0x15);
      const sent = data.length > 0 ? encryptData(keys, mac, data) : data;
      const frame = panel.exchange(encodeFrame({ address, reply: false, sequence, check: 'crc', block, code, data: sent }, sign))
        .frames[0]!;
      const plain = frame.block?.[1] === 0x18 ? (decryptData(keys, mac, frame.data) ?? new Uint8Array(0)) : frame.data;
      const expected = frame.mac && messageMac(keys, mac, frame.bytes.subarray(0, frame.bytes.length - 6));
      if (expected) mac = expected;
      return { frame, plain, authentic: expected !== null && toHex(expected.subarray(0, 4)) === toHex(frame.mac!) };
    },
  };
}

function session(panel: TestPanel, scbk: Uint8Array, keyType: number) {
  const opened = openSession(panel, 5, scbk, keyType);
  if (opened.refused !== undefined) throw new Error(`refused: ${opened.refused}`);
  return opened;
}

const panelWith = (secureChannel: PeripheralOptions['secureChannel']) =>
  createTestPanel({ baudRate: 9600, peripherals: [{ address: 5, ...(secureChannel !== undefined && { secureChannel }) }] });

test('an own key carries commands and data both ways', () => {
  const panel = panelWith({ key: OWN_KEY, required: true });
  const secured = session(panel, OWN_KEY, 1);
  expect(secured.genuine).toBe(true);
  for (let round = 0; round < 5; round++) {
    const { plain, authentic } = secured.ask(COMMAND.LSTAT);
    expect([toHex(plain), authentic]).toEqual(['0000', true]);
    expect(secured.ask(COMMAND.ID, ZERO).plain).toHaveLength(12);
    expect(secured.ask(COMMAND.POLL).frame.block).toEqual(Uint8Array.of(2, 0x16));
  }
});

test('a peripheral that insists answers identity and capabilities in clear, and nothing else', () => {
  const panel = panelWith({ required: true });
  expect(panel.ask(5, COMMAND.ID, { data: ZERO }).frames[0]!.code).toBe(REPLY.PDID);
  expect(panel.ask(5, COMMAND.CAP, { data: ZERO }).frames[0]!.code).toBe(REPLY.PDCAP);
  for (const code of [COMMAND.LSTAT, COMMAND.POLL]) expect(panel.ask(5, code).frames[0]!.data[0]).toBe(NAK.SECURITY_REQUIRED);
});

test('without a secure channel, or without that key, the handshake is refused', () => {
  expect(openSession(panelWith(null), 5, SCBK_D, 0).refused).toBe(NAK.SECURITY_UNSUPPORTED);
  expect(openSession(panelWith({ key: OWN_KEY }), 5, SCBK_D, 0).refused).toBe(NAK.SECURITY_UNSUPPORTED);
  expect(openSession(panelWith({}), 5, OWN_KEY, 1).refused).toBe(NAK.SECURITY_UNSUPPORTED);
});

test('a wrong key shows in the cryptogram, and its proof opens nothing', () => {
  const panel = panelWith({ key: OWN_KEY });
  const secured = session(panel, SCBK_D, 1);
  expect([secured.genuine, secured.accepted.code, secured.accepted.data[0]]).toEqual([false, REPLY.NAK, NAK.SECURITY_REQUIRED]);
  expect(panel.line.peripheral(5).secureChannelActive).toBe(false);
});

test('a wrong MAC, eight seconds of silence, sequence 0 and a command in clear each end the channel', () => {
  const panel = panelWith({});
  const active = (): boolean => panel.line.peripheral(5).secureChannelActive;
  const forged = (): Frame =>
    panel.exchange(
      encodeFrame(
        { address: 5, reply: false, sequence: 2, check: 'crc', block: Uint8Array.of(2, 0x15), code: COMMAND.POLL, data: hex('') },
        () => hex('01020304'),
      ),
    ).frames[0]!;
  session(panel, SCBK_D, 0);
  const refused = forged();
  expect([refused.block, refused.data[0], active()]).toEqual([null, NAK.SECURITY_REQUIRED, false]);

  const idle = session(panel, SCBK_D, 0);
  panel.clock.step(8_001);
  const late = idle.ask(COMMAND.POLL).frame;
  expect([late.block, late.data[0], active()]).toEqual([null, NAK.SECURITY_REQUIRED, false]);

  session(panel, SCBK_D, 0);
  expect([panel.ask(5, COMMAND.POLL).frames[0]!.code, active()]).toEqual([REPLY.ACK, false]);

  session(panel, SCBK_D, 0);
  expect([panel.ask(5, COMMAND.POLL, { sequence: 2 }).frames[0]!.data[0], active()]).toEqual([NAK.SECURITY_REQUIRED, false]);
});

test('KEYSET installs an own key, leaves the channel and forbids the default key', () => {
  const panel = panelWith({ required: true });
  const first = session(panel, SCBK_D, 0);
  const answer = first.ask(COMMAND.KEYSET, Uint8Array.of(1, 16, ...OWN_KEY));
  expect([answer.frame.code, answer.authentic]).toEqual([REPLY.ACK, true]);
  expect(panel.line.peripheral(5).secureChannelActive).toBe(false);
  expect(openSession(panel, 5, SCBK_D, 0).refused).toBe(NAK.SECURITY_UNSUPPORTED);
  panel.line.peripheral(5).powerCycle();
  panel.clock.step(1_000);
  expect(toHex(session(panel, OWN_KEY, 1).ask(COMMAND.LSTAT).plain)).toBe('0000');
});

test('KEYSET in clear is refused', () => {
  const panel = panelWith({});
  const data = Uint8Array.of(1, 16, ...OWN_KEY);
  expect(panel.ask(5, COMMAND.KEYSET, { data }).frames[0]!.data[0]).toBe(NAK.SECURITY_REQUIRED);
});

test('quirk: data replies in clear under a block of type 15', () => {
  const panel = panelWith({ leavesDataInClear: true });
  const { frame, plain, authentic } = session(panel, SCBK_D, 0).ask(COMMAND.LSTAT);
  expect([frame.block, toHex(plain), authentic]).toEqual([Uint8Array.of(2, 0x15), '0000', true]);
});

test('quirk: a command in clear inside the channel is answered inside it', () => {
  const panel = panelWith({ answersClearInside: true });
  session(panel, SCBK_D, 0);
  const frame = panel.ask(5, COMMAND.ID, { sequence: 2, data: ZERO }).frames[0]!;
  expect([frame.code, frame.block]).toEqual([REPLY.PDID, Uint8Array.of(2, 0x18)]);
  expect(panel.line.peripheral(5).secureChannelActive).toBe(true);
});
