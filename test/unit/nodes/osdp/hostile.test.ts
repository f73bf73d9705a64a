import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { SecurityReason } from '../../../../agent/contract/node.ts';
import type { NodeEvent } from '../../../../agent/nodes/changes.ts';
import { createNodeTable } from '../../../../agent/nodes/table.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { createMemoryFiles } from '../../../support/memory-files.ts';
import type { PeripheralFaults, PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig } from './rig.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const KEY = Buffer.from(OWN_KEY, 'hex');
/** The time that a session lives, and the slots in which its end is noticed. */
const SESSION_MS = 8_000 + 2_000;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A lock with an own key, known and secured, and a table that tells what becomes of it. */
async function createDoor(secureChannel: PeripheralOptions['secureChannel'] = { key: KEY, required: true }) {
  const rig = createRig({
    peripherals: [{ address: 5, secureChannel }],
    bus: { addresses: [5], keys: new Map([[5, new Secret(OWN_KEY)]]) },
  });
  const events: string[] = [];
  const onChange = (event: NodeEvent) => {
    if ('node' in event) events.push(event.event);
  };
  const table = createNodeTable({
    buses: [rig.bus],
    files: createMemoryFiles(),
    stateDirectory: '/state',
    clock: rig.clock,
    log: rig.log,
    onChange,
  });
  await table.start();
  cleanups.push(async () => {
    await table.stop();
    rig.line.stop();
  });
  await rig.clock.until(() => rig.node(5)?.security === 'secured', 60_000);
  await rig.clock.advance(2_000);
  const original = rig.line.peripheral(5);
  return {
    ...rig,
    original,
    events,
    counted: (name: string) => events.filter((event) => event === name).length,
    known: async () => (await table.getNodes({ refresh: false }, new AbortController().signal)).nodes[0]!,
    /** Somebody puts another device in its place. */
    swap(impostor: Omit<PeripheralOptions, 'address'>) {
      original.remove();
      return rig.line.add({ address: 5, ...impostor }, true);
    },
  };
}

const KEYLESS: [string, Omit<PeripheralOptions, 'address'>, SecurityReason][] = [
  ['has no secure channel and says so', {}, 'refused'],
  ['has no secure channel and claims one', { capabilities: [[9, 1, 1]] }, 'refused'],
  ['has another key', { secureChannel: { key: Buffer.alloc(16, 7) } }, 'wrong_key'],
  ['has the default key only', { secureChannel: {} }, 'refused'],
  ['hears no challenge', { faults: { ignoresChallenge: true } }, 'no_answer'],
  ['refuses everything for want of a channel', { faults: { alwaysNak: 6 } }, 'no_key'],
  ['says that it can do no channel, whatever it is asked', { faults: { alwaysNak: 5 } }, 'refused'],
  ['understands nothing', { faults: { alwaysNak: 3 } }, 'refused'],
  ['is never content with the sequence number', { faults: { alwaysNak: 4 } }, 'no_answer'],
  ['is never content with the check', { faults: { alwaysNak: 1 } }, 'no_answer'],
];

test.each(KEYLESS)('a lock with an own key is swapped for a device that %s: told within a session', async (_name, impostor, reason) => {
  const door = await createDoor();
  expect(await door.known()).toMatchObject({ security: 'secured', securityReason: null, tamper: false });
  door.swap({ tampered: true, powerFault: true, ...impostor });
  await door.clock.until(() => door.counted('node_security_lost') === 1, SESSION_MS);
  await door.clock.advance(40_000);
  expect(await door.known()).toMatchObject({ available: true, tamper: null, powerFault: null, securityReason: reason });
  expect((await door.known()).security).not.toBe('secured');
  expect(door.log.lines.filter((line) => line.event === 'node_security_lost')).toMatchObject([{ level: 'warn', nodeId: 'rs485/5' }]);
  expect(door.events).not.toContain('node_tamper');
  expect(door.counted('node_security_lost')).toBe(1);
});

test('a device that takes the place while the hub looks elsewhere is challenged too', async () => {
  const door = await createDoor();
  door.original.remove();
  await door.clock.until(() => door.counted('node_lost') === 1, 20_000);
  // Somebody gone silent is shown as it was last known; back in clear it is not.
  expect(door.node(5)).toMatchObject({ available: false, security: 'secured' });
  door.swap({});
  await door.clock.until(() => door.node(5)!.available, 5_000);
  expect(door.node(5)).toMatchObject({ tamper: null });
  expect(door.node(5)!.security).not.toBe('secured');
  await door.clock.until(() => door.counted('node_security_lost') === 1, SESSION_MS);
});

test('one that falls silent whenever it is about to be judged is judged all the same', async () => {
  const door = await createDoor();
  const impostor = door.swap({ faults: { ignoresChallenge: true } });
  for (let round = 0; round < 6; round++) {
    impostor.setFaults({ silent: false });
    await door.clock.advance(5_000);
    impostor.setFaults({ silent: true });
    await door.clock.advance(9_000);
  }
  expect(door.counted('node_security_lost')).toBe(1);
});

test('the original is back: secured again, and that is told', async () => {
  const door = await createDoor();
  const impostor = door.swap({});
  await door.clock.until(() => door.counted('node_security_lost') === 1, SESSION_MS);
  impostor.remove();
  door.original.restore();
  await door.clock.until(() => door.counted('node_security_restored') === 1, 60_000);
  await door.clock.advance(2_000);
  expect(await door.known()).toMatchObject({ security: 'secured', securityReason: null, tamper: false, replaced: null });
});

test('a lock that was never secured although its key is there is told at once', async () => {
  const rig = createRig({ peripherals: [{ address: 5 }], bus: { addresses: [5], keys: new Map([[5, new Secret(OWN_KEY)]]) } });
  cleanups.push(rig.stop);
  rig.bus.start();
  await rig.clock.until(() => rig.node(5)?.securityReason === 'refused', 10_000);
  await rig.clock.until(() => rig.node(5)?.security === 'none', 10_000);
  expect(rig.node(5)).toMatchObject({ tamper: null, powerFault: null, serialNumber: String(0x10_0005) });
});

test('a lock that refuses its capabilities in clear, and one that does not list the channel, are challenged and secured', async () => {
  const door = await createDoor({ key: KEY, required: false });
  expect(door.node(5)).toMatchObject({ security: 'secured' });
  const rig = createRig({
    peripherals: [{ address: 5, secureChannel: { key: KEY }, capabilities: [[9, 0, 0]] }],
    bus: { addresses: [5], keys: new Map([[5, new Secret(OWN_KEY)]]) },
  });
  cleanups.push(rig.stop);
  rig.bus.start();
  await rig.clock.until(() => rig.node(5)?.security === 'secured', 10_000);
});

test.each([
  ['a flood of BUSY in the place of a secured lock', true],
  ['a flood of BUSY where nobody was', false],
])('%s keeps nothing alive for longer than a session', async (_name, known) => {
  const flood: PeripheralOptions = { address: 5, faults: { busyRate: 1 } };
  if (known) {
    const door = await createDoor();
    door.swap(flood);
    await door.clock.until(() => door.counted('node_lost') === 1, SESSION_MS);
    const { lastSeen } = await door.known();
    await door.clock.advance(60_000);
    expect(await door.known()).toMatchObject({ available: false, lastSeen });
    expect(door.counted('node_found')).toBe(0);
    return;
  }
  const rig = createRig({ peripherals: [flood], bus: { addresses: [5] } });
  cleanups.push(rig.stop);
  rig.bus.start();
  await rig.clock.until(() => rig.node(5)?.available === true, 5_000);
  await rig.clock.until(() => rig.node(5)?.available === false, SESSION_MS);
  await rig.clock.advance(60_000);
  expect(rig.node(5)!.available).toBe(false);
  rig.line.peripheral(5).setFaults({ busyRate: 0 });
  await rig.clock.until(() => rig.node(5)!.available, 5_000);
});

test.each([
  ['serial', { serialNumber: 7 }, true],
  ['model', { model: 9 }, true],
  ['vendor', { vendor: '123456' }, true],
  ['firmware', { firmware: [3, 0, 0] }, false],
] as [string, Omit<PeripheralOptions, 'address'>, boolean][])(
  'a device in clear with another %s at the same address: an event of its own: %s',
  async (_name, other, isEvent) => {
    const rig = createRig({ peripherals: [{ address: 5 }], bus: { addresses: [5] } });
    const events: string[] = [];
    const table = createNodeTable({
      buses: [rig.bus],
      files: createMemoryFiles(),
      stateDirectory: '/state',
      clock: rig.clock,
      log: rig.log,
      onChange: (event) => events.push(event.event),
    });
    await table.start();
    cleanups.push(async () => {
      await table.stop();
      rig.line.stop();
    });
    await rig.clock.until(() => rig.node(5)?.tamper === false, 60_000);
    rig.line.peripheral(5).remove();
    await rig.clock.until(() => events.includes('node_lost'), 20_000);
    rig.line.add({ address: 5, ...other }, true);
    await rig.clock.advance(10_000);
    expect(events.filter((event) => event === 'node_replaced').length).toBe(isEvent ? 1 : 0);
    const { nodes } = await table.getNodes({ refresh: false }, new AbortController().signal);
    const former = { vendor: '5eca00', model: '1', serialNumber: String(0x10_0005) };
    expect(nodes[0]).toMatchObject({ available: true, replaced: isEvent ? former : null, tamper: false });
  },
);

const anyFault: fc.Arbitrary<PeripheralFaults> = fc.record({
  alwaysNak: fc.option(fc.constantFrom(1, 2, 3, 4, 5, 6, 9), { nil: undefined }),
  busyRate: fc.constantFrom(0, 0, 0.5, 1),
  dropRate: fc.constantFrom(0, 0, 0.5),
  ignoresChallenge: fc.boolean(),
  badMacTimes: fc.constantFrom(0, 1e9),
  silent: fc.constantFrom(false, false, true),
  wrongSequence: fc.constantFrom(false, false, true),
}) as fc.Arbitrary<PeripheralFaults>;

const anyChannel = fc.constantFrom(
  null,
  { key: Buffer.alloc(16, 7) },
  { key: Buffer.alloc(16, 7), required: true },
  { acceptsDefaultKey: true },
  { key: null, acceptsDefaultKey: false },
);

test('whatever a device without the key does, and however it changes its mind: never secured, no fact, and told or gone', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyChannel,
      fc.array(fc.tuple(anyFault, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 6 }),
      async (secureChannel, moods) => {
        const door = await createDoor();
        const impostor = door.swap({ tampered: true, secureChannel });
        await door.clock.advance(SESSION_MS);
        for (const [faults, seconds] of moods) {
          impostor.setFaults(faults);
          for (let second = 0; second < seconds; second++) {
            await door.clock.advance(1_000);
            const { available, security, tamper } = await door.known();
            if (available) expect({ security: security === 'secured', tamper }).toEqual({ security: false, tamper: null });
          }
        }
        expect(door.events).not.toContain('node_tamper');
        expect(door.counted('node_security_lost') + door.counted('node_lost')).toBeGreaterThan(0);
        // The honest one is believed again.
        impostor.remove();
        door.original.restore();
        await door.clock.until(() => door.node(5)!.available && door.node(5)!.security === 'secured', 90_000);
        await door.clock.advance(6_000);
        expect(await door.known()).toMatchObject({ securityReason: null, replaced: null, tamper: false });
        await cleanups.pop()!();
      },
    ),
    { numRuns: 40, seed: 20260107, endOnFailure: true },
  );
});
