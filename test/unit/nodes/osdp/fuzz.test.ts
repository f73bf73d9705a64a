import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { createSessionRig, type Spoiler } from './session-rig.ts';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
/** A session with an own key that insists on the channel, or one in clear. */
const createRig = (secured: boolean) =>
  createSessionRig({
    peripheral: { address: 5, secureChannel: { key: KEY, required: secured } },
    key: secured ? { kind: 'own', bytes: () => KEY } : null,
  });

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
