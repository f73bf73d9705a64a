import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPdSessions } from '../../../../agent/nodes/osdp/bus/pd-sessions.ts';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { createLine } from '../../../../agent/nodes/osdp/port/line.ts';
import { createRandom } from '../../../support/random.ts';
import { createSteppedClock, settled } from '../../../support/stepped-clock.ts';
import { decodeFrame, MARK } from '../../../twins/osdp-line/frame.ts';
import { settingsOf } from '../../../twins/osdp-line/options.ts';
import { createPeripheralMachine } from '../../../twins/osdp-line/peripheral.ts';
import { createFakeEntropy, createFakeLog } from '../fakes.ts';

const ADDRESS = 5;
const BAUD_RATE = 230400;
const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
/** Steps of the clock within an exchange: together more than the longest that a transaction or a handshake may take. */
const STEP_MS = 20;
const MAX_STEPS = 300;

/** What comes instead of the answer, made from the right one. */
type Spoiler = (right: Buffer) => Buffer;

/** One session on a real line; the other end is an honest peripheral whose answers can be spoilt on their way. */
function createRig(secured: boolean) {
  const clock = createSteppedClock();
  const settings = settingsOf({ address: ADDRESS, secureChannel: { key: KEY, required: secured } }, BAUD_RATE);
  const peripheral = createPeripheralMachine(settings, createRandom(1));
  const log = createFakeLog();
  let request: Buffer | null = null;
  const line = createLine({
    baudRate: BAUD_RATE,
    clock,
    timings: DEFAULT_TIMINGS,
    write: (bytes) => {
      request = bytes;
    },
    onStray: () => {},
  });
  const sessions = createPdSessions({
    bus: 'fuzz',
    addresses: [ADDRESS],
    keyOf: () => (secured ? { kind: 'own', bytes: () => KEY } : null),
    clock,
    wallClock: { nowMs: () => clock.nowMs() },
    entropy: createFakeEntropy(),
    log,
    timings: DEFAULT_TIMINGS,
    onFacts: () => {},
  });
  const answer = (spoil: Spoiler) => {
    const asked = request!;
    request = null;
    const frame = decodeFrame(asked[0] === MARK ? asked.subarray(1) : asked);
    expect(frame).not.toBe(null);
    const bytes = spoil(Buffer.from(peripheral.receive(frame!, clock.nowMs())?.bytes ?? []));
    for (let at = 0; at < bytes.length; at += 64) line.receive(bytes.subarray(at, at + 64));
    return bytes.length;
  };
  return {
    pd: () => sessions.pd(ADDRESS),
    /** A slot of the session, whatever it takes; answers how many bytes came. */
    async slot(spoil: Spoiler = (right) => right) {
      let over = false;
      let bytes = 0;
      void sessions.slot(line, ADDRESS, DEFAULT_TIMINGS.fullWaitMs).then(() => {
        over = true;
      });
      for (let step = 0; step < MAX_STEPS && !over; step++) {
        await settled();
        if (request) bytes += answer(spoil);
        else if (!over) clock.step(STEP_MS);
      }
      expect(over).toBe(true);
      return bytes;
    },
    clock,
  };
}

const raw = fc.uint8Array({ minLength: 1, maxLength: 500, size: 'max' }).map(
  (bytes): Spoiler =>
    () =>
      Buffer.from(bytes),
);
const mutated = fc
  .record({
    before: fc.uint8Array({ maxLength: 120, size: 'max' }),
    after: fc.uint8Array({ maxLength: 120, size: 'max' }),
    flips: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
    cut: fc.nat({ max: 10 }),
    times: fc.integer({ min: 1, max: 3 }),
  })
  .map(
    ({ before, after, flips, cut, times }): Spoiler =>
      (right) => {
        const bytes = Buffer.from(right.subarray(0, Math.max(0, right.length - cut)));
        for (const [at, flip] of flips) if (bytes.length > 0) bytes[at % bytes.length]! ^= flip;
        return Buffer.concat([before, ...Array.from({ length: times }, () => bytes), after]);
      },
  );
const spoilers = fc.array(fc.oneof(raw, mutated), { minLength: 20, maxLength: 40, size: 'max' });

/** Bytes that stand before a good answer. */
const noise = fc.uint8Array({ maxLength: 200, size: 'max' });

test.each([
  ['in clear', false, 300],
  ['from an open secure channel', true, 300],
])(
  'half a million raw and mutated bytes through line and session, %s: no throw, no hang, and the truth afterwards',
  async (_name, secured, numRuns) => {
    let total = 0;
    const shown = { available: true, identity: { vendor: '5eca00' }, tamper: false, security: secured ? 'secured' : 'none' };
    await fc.assert(
      fc.asyncProperty(spoilers, noise, async (spoils, before) => {
        const rig = createRig(secured);
        for (let slot = 0; slot < 5; slot++) await rig.slot();
        expect(rig.pd().channel.phase).toBe(secured ? 'open' : 'closed');
        expect(rig.pd().facts).toMatchObject(shown);
        for (const spoil of spoils) total += await rig.slot(spoil);
        // The pause after failed handshakes, and a channel that is idle meanwhile.
        rig.clock.step(DEFAULT_TIMINGS.channelRetryMs);
        for (let slot = 0; slot < 5; slot++) await rig.slot();
        expect(rig.pd().facts).toMatchObject(shown);
        // One good answer is enough, whatever stands before it.
        const seenMs = rig.pd().lastReplyMs!;
        await rig.slot((right) => Buffer.concat([before, right]));
        expect(rig.pd().lastReplyMs).toBeGreaterThan(seenMs);
      }),
      { numRuns, seed: 20260106 },
    );
    expect(total).toBeGreaterThan(500_000);
  },
);
