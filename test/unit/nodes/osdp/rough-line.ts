import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { DEFAULT_TIMINGS } from '../../../../agent/nodes/osdp/bus/timings.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import type { PeripheralFaults, PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createRig, RIG_EPOCH_MS } from './rig.ts';

/** What a line may do so that everybody is still found and followed within a minute. */
const BEARABLE = { drop: 0.2, busy: 0.2, late: 0.2, badCheck: 0.1, flip: 0.001, lose: 0.0005, insert: 0.0005 };
/** What no table can see through. */
const UNBEARABLE = { drop: 0.9, busy: 0.5, late: 0.5, badCheck: 0.5, flip: 0.02, lose: 0.02, insert: 0.02 };

const ADDRESSES = Array.from({ length: 10 }, (_, address) => address);
const share = (max: number) => fc.double({ min: 0, max, noNaN: true });

/** A peripheral without its address; `secured` has an own key, which the bus knows too, and `insists` on the channel or also answers in clear. */
type Rough = Omit<PeripheralOptions, 'address' | 'secureChannel'> & { secured: boolean; insists: boolean };

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';

function peripheralOf(limits: typeof BEARABLE): fc.Arbitrary<Rough> {
  const faults: fc.Arbitrary<PeripheralFaults> = fc.record({
    dropRate: share(limits.drop),
    busyRate: share(limits.busy),
    badCheckRate: share(limits.badCheck),
    late: fc.record({ rate: share(limits.late), byMs: fc.integer({ min: 10, max: 150 }) }),
    repeatTimes: fc.constantFrom(1, 1, 1, 2),
    nakBadCheck: fc.boolean(),
  });
  const fixed = {
    serialNumber: fc.nat({ max: 0xffffffff }),
    model: fc.nat({ max: 255 }),
    tampered: fc.boolean(),
    powerFault: fc.boolean(),
  };
  return fc.record({
    ...fixed,
    secured: fc.boolean(),
    insists: fc.boolean(),
    turnaround: fc.integer({ min: 1, max: 45 }),
    mark: fc.boolean(),
    faults,
  });
}

function lineOf(limits: typeof BEARABLE) {
  return fc.record({
    seed: fc.nat(),
    baudRate: fc.constantFrom(9600, 38400, 115200),
    echo: fc.boolean(),
    noise: fc.record({
      flipRate: share(limits.flip),
      lossRate: share(limits.lose),
      insertRate: share(limits.insert),
    }),
    there: fc.uniqueArray(fc.constantFrom(...ADDRESSES), { minLength: 1, maxLength: 4 }),
    peripherals: fc.array(peripheralOf(limits), { minLength: 4, maxLength: 4 }),
  });
}

type Line = ReturnType<typeof lineOf> extends fc.Arbitrary<infer T> ? T : never;

function rigOf({ seed, baudRate, echo, noise, there, peripherals }: Line) {
  const present = there.map((address, index) => ({ ...peripherals[index]!, address }));
  const channel = (required: boolean) => ({ required, key: Buffer.from(OWN_KEY, 'hex') });
  const wired = present.map(({ secured, insists, ...peripheral }) =>
    secured ? { ...peripheral, secureChannel: channel(insists) } : peripheral,
  );
  const keys = new Map(present.flatMap(({ secured, address }) => (secured ? [[address, new Secret(OWN_KEY)] as const] : [])));
  const rig = createRig({ peripherals: wired, baudRate, line: { seed, echo, noise }, bus: { addresses: ADDRESSES, keys } });
  return { ...rig, present };
}

/** The longest that a node may be shown as available after its last answer: the standard's silence, and the slots in which it is noticed. */
const MAX_UNHEARD_MS = DEFAULT_TIMINGS.offlineAfterMs + 4_000;

/** Unknown is allowed, wrong is not: nobody who never answered, nobody available who answers no more, no fact that is not so. */
function assertNothingWrong({ bus, present, clock }: ReturnType<typeof rigOf>) {
  for (const node of bus.nodes()) {
    const unheardMs = RIG_EPOCH_MS + clock.nowMs() - Date.parse(node.lastSeen!);
    assert.ok(!node.available || unheardMs <= MAX_UNHEARD_MS, `${node.address} is available, unheard of for ${unheardMs} ms`);
    const truth = present.find((peripheral) => String(peripheral.address) === node.address);
    assert.ok(truth, `nobody is at ${node.address}`);
    assert.ok(truth.secured || node.securityReason === null, `${node.address} has no own key`);
    // With so many answers lost that no channel came about for a session's time, the truth is that it is not secured now.
    const security = node.securityReason === null ? node.security : null;
    assert.notEqual(node.securityReason && node.security, 'secured');
    const told = [node.serialNumber, node.model, node.tamper, node.powerFault, security];
    const truths = [String(truth.serialNumber), String(truth.model), truth.tampered, truth.powerFault, truth.secured ? 'secured' : 'none'];
    const seen = told.map((value, index) => (value === null ? truths[index] : value));
    assert.deepEqual(seen, truths);
  }
}

/** Below the bearable rates the table comes to the truth within a minute, whatever the line does. */
export function checkConvergence(numRuns: number, seed: number): Promise<void> {
  return fc.assert(
    fc.asyncProperty(lineOf(BEARABLE), async (line) => {
      const rig = rigOf(line);
      rig.bus.start();
      for (let second = 0; second < 50; second += 2) {
        await rig.clock.advance(2_000);
        assertNothingWrong(rig);
      }
      const expected = rig.present.map((one) => `${one.address} ${one.serialNumber} ${one.tampered} ${one.secured ? 'secured' : 'none'}`);
      const shown = () =>
        rig.bus
          .nodes()
          .flatMap((node) => (node.available ? [`${node.address} ${node.serialNumber} ${node.tamper} ${node.security}`] : []))
          .sort();
      // While a channel is set up anew nothing is known of its peripheral: not every moment has all of the truth.
      for (let second = 50; second < 60 && shown().join() !== expected.sort().join(); second++) {
        await rig.clock.advance(1_000);
        assertNothingWrong(rig);
      }
      assert.deepEqual(shown(), expected.sort());
      await rig.stop();
    }),
    { numRuns, seed, endOnFailure: true },
  );
}

/** Beyond them the table never says anything wrong, and comes to the truth once the line mends. */
export function checkHonesty(numRuns: number, seed: number): Promise<void> {
  return fc.assert(
    fc.asyncProperty(lineOf(UNBEARABLE), async (line) => {
      const rig = rigOf(line);
      const mute = ADDRESSES.find((address) => !line.there.includes(address))!;
      rig.line.add({ address: mute, faults: { silent: true } });
      const dead = rig.present[0]!.address;
      rig.bus.start();
      for (let second = 0; second < 30; second += 2) {
        if (second === 14) rig.line.peripheral(dead).setFaults({ silent: true });
        await rig.clock.advance(2_000);
        assertNothingWrong(rig);
      }
      const available = () => rig.bus.nodes().filter((node) => node.available);
      assert.ok(!available().some((node) => node.address === String(dead)), 'a dead peripheral is shown as available');
      Object.assign(rig.line.noise, { flipRate: 0, lossRate: 0, insertRate: 0 });
      const mended = { dropRate: 0, busyRate: 0, badCheckRate: 0, repeatTimes: 1, late: { rate: 0, byMs: 0 } };
      for (const peripheral of rig.line.peripherals()) peripheral.setFaults(mended);
      for (let second = 0; second < 20; second += 2) {
        await rig.clock.advance(2_000);
        assertNothingWrong(rig);
      }
      assert.equal(available().filter((node) => node.serialNumber !== null).length, rig.present.length - 1);
      await rig.stop();
    }),
    { numRuns, seed, endOnFailure: true },
  );
}
