import { afterEach, describe, expect, test } from 'vitest';
import type { OsdpBusOptions } from '../../../../../agent/nodes/osdp/bus/options.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import type { PeripheralOptions } from '../../../../twins/osdp-line/index.ts';
import { createRig } from '../rig.ts';

const OWN_KEY = '000102030405060708090a0b0c0d0e0f';
const ownKey = Buffer.from(OWN_KEY, 'hex');
const LED = 0x69;
const COMSET = 0x6e;
const never = new AbortController().signal;
const rigs: { stop(): Promise<void> }[] = [];

/** A bus of eight addresses that has found its peripherals. */
async function rigOf(peripherals: PeripheralOptions[], bus: Partial<OsdpBusOptions> = {}) {
  const rig = createRig({ peripherals, bus: { addresses: [0, 1, 2, 3, 4, 5, 6, 7], ...bus } });
  rigs.push(rig);
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(1_000);
  const maintenance = rig.bus.maintenance!;
  return {
    ...rig,
    identify: (address: number, seconds = 10) => rig.clock.settle(maintenance.identify(String(address), seconds, never), 20_000),
    setAddress: (from: number, to: number, baudRate: number | null = null) =>
      rig.clock.settle(maintenance.setAddress({ from, to, baudRate }, never), 30_000),
    /** Calls back when the panel sends this command. */
    onCommand(code: number, handler: () => void) {
      return rig.line.onFrame(({ from, bytes }) => {
        if (from === 'panel' && bytes[bytes[4]! & 8 ? 5 + bytes[5]! : 5] === code) handler();
      });
    },
  };
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

describe('identify', () => {
  test.each([
    ['in clear', {}, {}],
    ['inside the channel of an own key', { secureChannel: { required: true, key: ownKey } }, { keys: new Map([[5, new Secret(OWN_KEY)]]) }],
  ])('blinks and beeps %s, and goes on with the session', async (_what, peripheral, bus) => {
    const rig = await rigOf([{ address: 5, ...peripheral }], bus);
    const before = rig.node(5)!.security;
    expect(await rig.identify(5, 12)).toEqual(['led', 'buzzer']);
    const { lamp, buzzer } = rig.line.peripheral(5).settings;
    expect(lamp).toMatchObject({ reader: 0, lamp: 0, onColour: 1, offColour: 0, tenths: 120 });
    expect(buzzer).toMatchObject({ reader: 0, tone: 2, count: 12 });
    await rig.clock.advance(1_000);
    expect(rig.node(5)).toMatchObject({ available: true, security: before });
    expect(rig.log.events()).not.toContain('osdp_channel_broken');
  });

  test('does with what is there', async () => {
    const rig = await rigOf([
      { address: 5, capabilities: [[5, 1, 1]] },
      { address: 6, capabilities: [[1, 1, 2]] },
    ]);
    expect(await rig.identify(5)).toEqual(['buzzer']);
    await expect(rig.identify(6)).rejects.toMatchObject({ code: 'node_refused' });
  });

  test('is sent again when the answer is lost, or the peripheral is busy', async () => {
    const rig = await rigOf([{ address: 5 }]);
    let lost = 0;
    rig.onCommand(LED, () => rig.line.peripheral(5).setFaults({ dropRate: lost++ < 2 ? 1 : 0 }));
    expect(await rig.identify(5)).toEqual(['led', 'buzzer']);
    rig.line.peripheral(5).setFaults({ busyTimes: 9 });
    expect(await rig.identify(5)).toEqual(['led', 'buzzer']);
  });

  test('says who does not answer, and what the bus does not ask', async () => {
    const rig = await rigOf([{ address: 5 }]);
    await expect(rig.identify(3)).rejects.toMatchObject({ code: 'node_silent' });
    await expect(rig.identify(9)).rejects.toMatchObject({ code: 'invalid_args' });
    rig.port.yank();
    await expect(rig.identify(5)).rejects.toMatchObject({ code: 'bus_unavailable' });
  });

  test('waits for nothing that is no longer wanted', async () => {
    const rig = await rigOf([{ address: 5 }]);
    const gone = new AbortController();
    const asked = rig.bus.maintenance!.identify('5', 10, gone.signal);
    gone.abort();
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    await rig.clock.advance(2_000);
    expect(rig.line.peripheral(5).settings.lamp).toBeNull();
  });
});

describe('set-address', () => {
  test.each([
    ['in clear', {}, {}],
    ['that starts again by itself', { restartsAfterSettings: true, bootMs: 1_500 }, {}],
    ['inside the default channel', { secureChannel: { required: true } }, { allowDefaultKey: true }],
  ])('moves a peripheral %s', async (_what, peripheral, bus) => {
    const rig = await rigOf([{ address: 0, serialNumber: 77, ...peripheral }, { address: 2 }], bus);
    expect(await rig.setAddress(0, 5)).toEqual({ baudRate: 9600, proven: true });
    expect(rig.line.peripheral(5).settings.serialNumber).toBe(77);
    await rig.clock.advance(3_000);
    expect(rig.node(5)).toMatchObject({ available: true, serialNumber: '77' });
    expect(rig.node(0)).toBeUndefined();
    expect(rig.node(2)).toMatchObject({ available: true });
  });

  test('finds it although the answer was lost', async () => {
    const rig = await rigOf([{ address: 0 }]);
    const peripheral = rig.line.peripheral(0);
    rig.onCommand(COMSET, () => {
      peripheral.setFaults({ dropRate: 1 });
      rig.clock.schedule(100, () => peripheral.setFaults({ dropRate: 0 }));
    });
    expect(await rig.setAddress(0, 5)).toMatchObject({ proven: true });
  });

  test('takes another rate on its word', async () => {
    const rig = await rigOf([{ address: 0 }]);
    expect(await rig.setAddress(0, 5, 38400)).toEqual({ baudRate: 38400, proven: false });
    expect(rig.line.peripheral(5).settings.baudRate).toBe(38400);
  });

  test.each<[string, PeripheralOptions[]]>([
    ['somebody answers', [{ address: 5 }]],
    ['somebody answers a checksum only', [{ address: 5, check: 'checksum_only' }]],
    [
      'two answer at once',
      [
        { address: 5, turnaround: 3 },
        { address: 5, turnaround: 4, serialNumber: 9, vendor: '0a0017' },
      ],
    ],
  ])('leaves everything as it is when at the target %s', async (_what, others) => {
    const rig = await rigOf([{ address: 0 }]);
    for (const other of others) rig.line.add(other, true);
    await expect(rig.setAddress(0, 5)).rejects.toMatchObject({ code: 'address_taken' });
    expect(rig.line.peripheral(0).settings.address).toBe(0);
  });

  test('takes no address of a peripheral that is only silent, until it is forgotten', async () => {
    const rig = await rigOf([{ address: 0 }, { address: 5 }]);
    rig.line.peripheral(5).remove();
    await rig.clock.until(() => rig.node(5)?.available === false, 30_000);
    await expect(rig.setAddress(0, 5)).rejects.toMatchObject({ code: 'address_taken', message: expect.stringContaining('nodes forget') });
    rig.bus.maintenance!.forget('5');
    expect(await rig.setAddress(0, 5)).toMatchObject({ proven: true });
  });

  test.each([
    [0, 0, null],
    [0, 9, null],
    [9, 1, null],
    [0, 127, null],
    [0, 1, 1200],
  ])('refuses %i to %i at %s', async (from, to, baudRate) => {
    const rig = await rigOf([{ address: 0 }]);
    await expect(rig.setAddress(from, to, baudRate)).rejects.toMatchObject({ code: 'invalid_args' });
  });

  test('says when the peripheral does not take it', async () => {
    const rig = await rigOf([{ address: 0, secureChannel: { required: true } }]);
    await expect(rig.setAddress(0, 5)).rejects.toMatchObject({ code: 'node_refused' });
    await expect(rig.setAddress(3, 5)).rejects.toMatchObject({ code: 'node_silent' });
  });
});
