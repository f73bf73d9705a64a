import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answersPending, isDiscovered, isSettled, nextRequest, type PlanInput } from '../../../../../agent/nodes/osdp/bus/plan.ts';
import { DEFAULT_TIMINGS } from '../../../../../agent/nodes/osdp/bus/timings.ts';
import { decodeFrame, encodeFrame, type Frame, MAX_FRAME_BYTES } from '../../../../../agent/nodes/osdp/codec/frame.ts';
import { newPd, type PdKey, type PdState } from '../../../../../agent/nodes/osdp/session/pd.ts';
import { computeMac, deriveKeys, encryptData } from '../../../../../agent/nodes/osdp/session/secure-channel.ts';
import { onMiss, onReply, onSilence } from '../../../../../agent/nodes/osdp/session/session.ts';

const IDENTITY = '5eca000102efbeadde020713';
const CAPABILITIES = '030101080100';
const OWN_KEY: PdKey = { kind: 'own', bytes: () => Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex') };
const PANEL_RANDOM = Buffer.from('b0b1b2b3b4b5b6b7', 'hex');

/** A session in a test's hands: each call is one exchange. */
function createSession(key: PdKey | null = null) {
  let pd: PdState = newPd(5, key?.kind === 'own');
  let nowMs = 0;
  const input = (): PlanInput => ({ nowMs, key, random: () => PANEL_RANDOM, timings: DEFAULT_TIMINGS });
  const session = {
    pd: () => pd,
    settled: () => isSettled(pd, input()),
    wait(ms: number) {
      nowMs += ms;
    },
    /** The next request as the PD sees it. */
    ask(): Frame {
      const next = nextRequest(pd, input());
      pd = next.pd;
      return decodeFrame(next.pending.bytes.subarray(1))!;
    },
    bytes(): string {
      const next = nextRequest(pd, input());
      pd = next.pd;
      return next.pending.bytes.toString('hex');
    },
    answer(code: number, data = '', sequence?: number) {
      const pending = pd.pending!;
      const bytes = encodeFrame({
        address: 5,
        reply: true,
        sequence: (sequence ?? pending.sequence) as 0,
        code,
        data: Buffer.from(data, 'hex'),
      });
      return session.take(decodeFrame(bytes.subarray(1))!);
    },
    /** The answer through the open channel, or one with a wrong MAC. */
    inside(code: number, data = '', spoilt = false) {
      const { pending, channel } = pd;
      const mac = channel.phase === 'open' ? pending?.mac : null;
      // After a reset there is no channel: a frame with just any MAC.
      const keys = channel.phase === 'open' ? channel.keys : deriveKeys(Buffer.alloc(16), PANEL_RANDOM);
      const last = mac ?? Buffer.alloc(16);
      const plain = Buffer.from(data, 'hex');
      const security = { type: plain.length > 0 ? 0x18 : 0x16, data: Buffer.alloc(0) };
      const sign = (authenticated: Buffer) => computeMac(keys, last, authenticated).map((byte) => (spoilt ? ~byte : byte)) as Buffer;
      const body = plain.length > 0 ? encryptData(keys, last, plain) : plain;
      const bytes = encodeFrame({ address: 5, reply: true, sequence: pending!.sequence, code, data: body, security, mac: sign });
      return session.take(decodeFrame(bytes.subarray(1))!);
    },
    take(frame: Frame) {
      const step = onReply(pd, frame, nowMs, DEFAULT_TIMINGS);
      pd = step.pd;
      return step.notes.map((note) => note.event);
    },
    silence() {
      pd = onSilence(pd, nowMs, DEFAULT_TIMINGS).pd;
    },
    miss() {
      pd = onMiss(pd, nowMs, DEFAULT_TIMINGS);
    },
    /** Identity, capabilities and status answered. */
    settle() {
      session.ask();
      session.answer(0x45, IDENTITY);
      session.ask();
      session.answer(0x46, CAPABILITIES);
      session.ask();
      session.answer(0x48, '0000');
    },
  };
  return session;
}

test('sequence numbers run 0 1 2 3 1 2 3, never back to 0', () => {
  const session = createSession();
  const sequences: number[] = [];
  for (const [code, data] of [[0x45, IDENTITY], [0x46, CAPABILITIES], [0x48, '0000'], [0x40], [0x40], [0x40], [0x40]] as [
    number,
    string?,
  ][]) {
    sequences.push(session.ask().sequence);
    session.answer(code, data);
  }
  expect(sequences).toEqual([0, 1, 2, 3, 1, 2, 3]);
});

test('identity, capabilities, status, then polls; status again every five seconds', () => {
  const session = createSession();
  session.settle();
  expect(session.settled()).toBe(true);
  expect(session.pd().facts).toMatchObject({ available: true, security: 'none', tamper: false, powerFault: false });
  expect(session.ask().code).toBe(0x60);
  session.answer(0x40);
  session.wait(DEFAULT_TIMINGS.statusIntervalMs);
  expect(session.ask().code).toBe(0x64);
});

test('a missing answer is asked for once more with the identical frame, then the session begins anew with what is known kept', () => {
  const session = createSession();
  session.settle();
  const first = session.bytes();
  session.silence();
  expect(session.bytes()).toBe(first);
  session.silence();
  expect(session.ask()).toMatchObject({ code: 0x61, sequence: 0 });
  expect(session.pd().facts).toMatchObject({ available: true, capabilities: [{ code: 3 }, { code: 8 }] });
  session.answer(0x45, IDENTITY);
  expect(session.ask()).toMatchObject({ code: 0x64, sequence: 1 });
});

test('an address that never answered is asked anew each time', () => {
  const session = createSession();
  for (let round = 0; round < 3; round++) {
    expect(session.ask()).toMatchObject({ code: 0x61, sequence: 0 });
    session.silence();
    expect(session.pd()).toMatchObject({ seen: false, pending: null, facts: { available: false } });
  }
});

test('BUSY: the identical frame again, for a while', () => {
  const session = createSession();
  session.settle();
  const first = session.bytes();
  for (let round = 0; round < 16; round++) {
    session.answer(0x79, '', 0);
    expect(session.bytes()).toBe(first);
  }
  session.answer(0x79, '', 0);
  expect(session.ask()).toMatchObject({ code: 0x61, sequence: 0 });
});

test('off-line eight seconds after the first miss, not before', () => {
  const session = createSession();
  session.settle();
  session.wait(60_000);
  session.ask();
  session.silence();
  session.wait(7_999);
  session.miss();
  expect(session.pd().facts.available).toBe(true);
  session.wait(1);
  session.miss();
  expect(session.pd().facts).toMatchObject({ available: false, identity: { vendor: '5eca00' } });
});

test.each([
  [1, { code: 0x60, sequence: 3 }, 'the identical frame'],
  [9, { code: 0x60, sequence: 3 }, 'the identical frame'],
  [2, { code: 0x60, sequence: 1 }, 'the next command'],
  [3, { code: 0x60, sequence: 1 }, 'the next command'],
  [4, { code: 0x61, sequence: 0 }, 'a new session'],
  [6, { code: 0x61, sequence: 1 }, 'the identity, which it does answer'],
])('after NAK %i to a poll comes %o', (reason, next) => {
  const session = createSession();
  session.settle();
  session.ask();
  session.answer(0x41, Buffer.from([reason]).toString('hex'));
  expect(session.ask()).toMatchObject(next);
});

test('a command that is refused is done without', () => {
  const session = createSession();
  for (const code of [0x61, 0x62, 0x64]) {
    expect(session.ask().code).toBe(code);
    expect(session.answer(0x41, '03')).toEqual(['osdp_command_refused']);
  }
  expect(session.ask().code).toBe(0x60);
  expect(isDiscovered(session.pd())).toBe(true);
  expect(session.pd().facts).toMatchObject({ available: true, identity: null, capabilities: null, tamper: null });
});

test('an answer that fits no question is a refusal, and unknown reports are told, not dropped', () => {
  const session = createSession();
  session.ask();
  expect(session.answer(0x40)).toEqual(['osdp_command_refused']);
  session.ask();
  session.answer(0x46, CAPABILITIES);
  session.ask();
  session.answer(0x48, '0000');
  session.ask();
  expect(session.answer(0x99, '0102')).toEqual(['osdp_report']);
});

test('a status that comes with a poll is taken', () => {
  const session = createSession();
  session.settle();
  session.ask();
  session.answer(0x48, '0101');
  expect(session.pd().facts).toMatchObject({ tamper: true, powerFault: true });
});

test('facts are the same object while nothing changes', () => {
  const session = createSession();
  session.settle();
  const { facts } = session.pd();
  session.ask();
  session.answer(0x40);
  session.wait(5_000);
  session.ask();
  session.answer(0x48, '0000');
  expect(session.pd().facts).toBe(facts);
});

test('without a key, a peripheral that insists on a channel is required, and asked its identity to see that it lives', () => {
  const session = createSession();
  session.ask();
  session.answer(0x45, IDENTITY);
  session.ask();
  session.answer(0x46, '090101');
  session.ask();
  session.answer(0x41, '06');
  expect(session.pd().facts).toMatchObject({ security: 'required', tamper: null });
  expect(session.settled()).toBe(true);
  expect(session.ask().code).toBe(0x61);
});

test('with a key, the handshake comes as observed, at sequence 0', () => {
  const session = createSession({ kind: 'default', bytes: () => Buffer.from('303132333435363738393a3b3c3d3e3f', 'hex') });
  session.ask();
  session.answer(0x45, IDENTITY);
  session.ask();
  session.answer(0x46, '090101');
  expect(session.ask()).toMatchObject({ code: 0x76, sequence: 0, data: PANEL_RANDOM, security: { type: 0x11, data: Buffer.from([0]) } });
  const ccrypt = decodeFrame(Buffer.from('53812b000c031200765eca010001000010a0a1a2a3a4a5a6a7fde5d2f428ec16312471ea3c02bd77965bd2', 'hex'))!;
  session.take(ccrypt);
  const scrypt = session.ask();
  expect(scrypt).toMatchObject({ code: 0x77, sequence: 1, security: { type: 0x13 } });
  expect(scrypt.data.toString('hex')).toBe('26d3356e07762d262801fc8e6665a891');
  const rmac = decodeFrame(Buffer.from('53811b000d03140178b2a30057eb98ba2229ec1f875662b52456b2', 'hex'))!;
  expect(session.take(rmac)).toEqual([]);
  // Inside, the identity is asked again, encrypted.
  expect(session.ask()).toMatchObject({ code: 0x61, sequence: 2, security: { type: 0x17 } });
  expect(session.inside(0x45, IDENTITY)).toEqual([]);
  expect(session.pd().facts.security).toBe(null);
  expect(session.ask()).toMatchObject({ code: 0x64, sequence: 3, security: { type: 0x15 } });
  expect(session.inside(0x48, '0000')).toEqual(['osdp_channel_open']);
  expect(session.pd().facts).toMatchObject({ security: 'default_key', tamper: false });
});

const HANDSHAKE = [
  '53812b000c031200765eca010001000010a0a1a2a3a4a5a6a7fde5d2f428ec16312471ea3c02bd77965bd2',
  '53811b000d03140178b2a30057eb98ba2229ec1f875662b52456b2',
].map((frame) => decodeFrame(Buffer.from(frame, 'hex'))!);

/** A session in the channel of the observed handshake; `steps` of it were answered. */
function challenged(steps: 0 | 1 | 2) {
  const session = createSession({ kind: 'default', bytes: () => Buffer.from('303132333435363738393a3b3c3d3e3f', 'hex') });
  session.ask();
  session.answer(0x45, IDENTITY);
  session.ask();
  session.answer(0x46, '090101');
  for (const frame of HANDSHAKE.slice(0, steps)) {
    session.ask();
    session.take(frame);
  }
  session.ask();
  return session;
}

/** A session whose channel was proven. */
function secured() {
  const session = challenged(2);
  session.inside(0x45, IDENTITY);
  session.ask();
  session.inside(0x48, '0101');
  expect(session.pd().facts).toMatchObject({ security: 'default_key', tamper: true, powerFault: true });
  return session;
}

const twice = (act: () => unknown) => [act(), act()];
const ENDS: [string, (session: ReturnType<typeof createSession>) => unknown][] = [
  ['silence', (session) => twice(() => session.silence())],
  ['BUSY for ever', (session) => Array.from({ length: 17 }, () => session.answer(0x79, '', 0))],
  ['NAK 4', (session) => session.answer(0x41, '04')],
  ['NAK 6', (session) => session.answer(0x41, '06')],
];

test.each(ENDS.flatMap(([name, end]) => ([0, 1, 2] as const).map((steps) => ({ name, end, steps }))))(
  'a handshake that ends by $name after $steps answers makes a pause, for status and polls in clear',
  ({ end, steps }) => {
    const session = challenged(steps);
    end(session);
    expect(session.ask()).toMatchObject({ code: 0x61, sequence: 0 });
    session.answer(0x45, IDENTITY);
    expect(session.ask()).toMatchObject({ code: 0x64, security: null });
    session.answer(0x48, '0100');
    expect(session.pd().facts).toMatchObject({ security: 'none', tamper: true });
    expect(session.ask().code).toBe(0x60);
    session.answer(0x40);
    session.wait(DEFAULT_TIMINGS.handshakePauseMs);
    expect(session.ask().code).toBe(0x76);
    // One that goes on so is left alone for longer.
    for (let handshake = 0; handshake < 5; handshake++) {
      twice(() => session.silence());
      session.wait(DEFAULT_TIMINGS.handshakePauseMs);
      session.ask();
      session.answer(0x45, IDENTITY);
      expect(session.ask().code).toBe(handshake < 4 ? 0x76 : 0x64);
    }
  },
);

test('what a channel showed goes with it when no new one can be had', () => {
  for (const [, end] of ENDS) {
    const session = secured();
    session.ask();
    session.answer(0x41, '06');
    session.ask();
    session.answer(0x45, IDENTITY);
    expect(session.ask().code).toBe(0x76);
    end(session);
    expect(session.pd().facts).toMatchObject({ available: true, security: null, tamper: null, powerFault: null });
  }
});

test('a peripheral that is BUSY for ever after its channel broke is not shown as secured', () => {
  const session = secured();
  for (let answer = 0; answer < 40; answer++) {
    session.ask();
    session.answer(0x79, '', 0);
  }
  expect(session.pd().facts).toMatchObject({ available: true, security: null, tamper: null });
});

test('a peripheral gone silent keeps what was last known of it', () => {
  const session = secured();
  for (let second = 0; second < 10; second++) {
    session.ask();
    session.silence();
    session.wait(1_000);
  }
  expect(session.pd().facts).toMatchObject({ available: false, security: 'default_key', tamper: true });
});

test('a wrong MAC before anything was proven is a refusal, and nobody heard it', () => {
  const session = challenged(2);
  const { lastReplyMs } = session.pd();
  session.wait(100);
  expect(session.inside(0x45, IDENTITY, true)).toEqual(['osdp_channel_broken', 'osdp_channel_refused']);
  expect(session.pd()).toMatchObject({ lastReplyMs, channelRetryMs: 100 + DEFAULT_TIMINGS.channelRetryMs, facts: { security: null } });
  session.ask();
  session.answer(0x45, IDENTITY);
  expect(session.ask()).toMatchObject({ code: 0x64, security: null });
});

test('a wrong MAC later ends the channel, and it is set up again at once', () => {
  const session = secured();
  session.ask();
  expect(session.inside(0x40, '', true)).toEqual(['osdp_channel_broken']);
  expect(session.ask()).toMatchObject({ code: 0x61, sequence: 0 });
  session.answer(0x45, IDENTITY);
  expect(session.ask().code).toBe(0x76);
});

test('nothing but forged answers: off-line after eight seconds', () => {
  const session = secured();
  for (let round = 0; round < 10; round++) {
    session.ask();
    session.inside(0x40, '', true);
    session.wait(1_000);
  }
  expect(session.pd().facts.available).toBe(false);
});

test('a status that is refused for want of a channel leaves tamper and power unknown', () => {
  const session = createSession();
  session.settle();
  session.wait(DEFAULT_TIMINGS.statusIntervalMs);
  session.ask();
  session.answer(0x41, '06');
  expect(session.pd().facts).toMatchObject({ security: 'required', tamper: null, powerFault: null });
});

test('one that refuses its identity is not the one that told it', () => {
  const session = createSession();
  session.settle();
  twice(() => {
    session.ask();
    session.silence();
  });
  expect(session.ask().code).toBe(0x61);
  session.answer(0x41, '03');
  expect(session.pd().facts).toMatchObject({ identity: null, capabilities: null, tamper: null, security: null });
});

test.each([
  ['a wrong cryptogram', (frame: Frame) => ({ ...frame, data: Buffer.concat([frame.data.subarray(0, 31), Buffer.from([0])]) })],
  ['another key type', (frame: Frame) => ({ ...frame, security: { type: 0x12, data: Buffer.from([1]) } })],
  ['no security block', (frame: Frame) => ({ ...frame, security: null })],
  ['too little data', (frame: Frame) => ({ ...frame, data: frame.data.subarray(0, 16) })],
])('a handshake with %s is refused, and not tried again at once', (_name, spoil) => {
  const session = createSession({ kind: 'default', bytes: () => Buffer.from('303132333435363738393a3b3c3d3e3f', 'hex') });
  session.ask();
  session.answer(0x45, IDENTITY);
  session.ask();
  session.answer(0x46, '090101');
  session.ask();
  const ccrypt = decodeFrame(Buffer.from('53812b000c031200765eca010001000010a0a1a2a3a4a5a6a7fde5d2f428ec16312471ea3c02bd77965bd2', 'hex'))!;
  expect(session.take(spoil(ccrypt))).toEqual(['osdp_channel_refused']);
  expect(session.ask().code).toBe(0x64);
  session.answer(0x48, '0000');
  expect(session.pd().facts.security).toBe('none');
  // After so long a pause the session begins anew, then the channel is tried again.
  session.wait(DEFAULT_TIMINGS.channelRetryMs);
  expect(session.ask().code).toBe(0x61);
  session.answer(0x45, IDENTITY);
  expect(session.ask().code).toBe(0x76);
});

const anyFrame: fc.Arbitrary<Frame> = fc
  .record({
    address: fc.constant(5),
    reply: fc.constant(true),
    sequence: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
    code: fc.oneof(fc.constantFrom(0x40, 0x41, 0x45, 0x46, 0x48, 0x50, 0x76, 0x78, 0x79), fc.integer({ min: 0, max: 255 })),
    data: fc.uint8Array({ maxLength: 60, size: 'max' }).map((bytes) => Buffer.from(bytes)),
    block: fc.option(
      fc.record({ type: fc.integer({ min: 0x10, max: 0x19 }), data: fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)) }),
    ),
  })
  .map(({ block, ...frame }) => {
    const mac = block && block.type >= 0x15 && block.type <= 0x18 ? { mac: () => Buffer.alloc(16, 9) } : {};
    return decodeFrame(encodeFrame({ ...frame, ...(block && { security: block }), ...mac }).subarray(1))!;
  });

test('whatever a peripheral answers: no throw, sound requests, and an honest one is understood afterwards', () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: anyFrame },
    { weight: 1, arbitrary: fc.constant('silence' as const) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 12_000 }) },
  );
  let total = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), fc.boolean(), (events, keyed) => {
      const session = createSession(keyed ? OWN_KEY : null);
      for (const each of events) {
        const request = session.ask();
        expect(request.authenticated.length).toBeLessThan(MAX_FRAME_BYTES);
        expect(request.reply).toBe(false);
        if (typeof each === 'number') session.wait(each);
        else if (each === 'silence') session.silence();
        else if (answersPending(session.pd().pending!, each)) {
          session.take(each);
          total += each.authenticated.length;
        }
      }
      // An honest peripheral in clear from here on.
      session.wait(DEFAULT_TIMINGS.channelRetryMs);
      for (let exchange = 0; exchange < 40; exchange++) {
        const { code } = session.ask();
        session.wait(100);
        if (code === 0x61) session.answer(0x45, IDENTITY);
        else if (code === 0x62) session.answer(0x46, '010102');
        else if (code === 0x64) session.answer(0x48, '0000');
        else if (code === 0x60) session.answer(0x40);
        else session.answer(0x41, '05');
      }
      expect(session.pd().facts).toMatchObject({ available: true, identity: { vendor: '5eca00' }, security: 'none' });
      expect(session.pd().facts).toMatchObject(
        keyed ? { tamper: null, securityReason: 'refused' } : { tamper: false, securityReason: null },
      );
    }),
    { numRuns: 450, seed: 20260103 },
  );
  expect(total).toBeGreaterThan(90_000);
});
