import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { createAir, createDoorLock, createPlug, plugIn } from './index.ts';
import { openHost } from './second-host.ts';

const NETWORK = { panId: 0x2d4e, extendedPanId: 'd0c0b0a090807060', channel: 19, key: '00112233445566778899aabbccddeeff' };

describe('a second host, after the sequence of zigpy-znp', () => {
  const stack: AsyncDisposableStack[] = [];
  afterEach(async () => {
    await stack.pop()?.disposeAsync();
  });

  async function world() {
    const opened = new AsyncDisposableStack();
    stack.push(opened);
    const folder = await mkdtemp(join(tmpdir(), 'hub-zigbee-'));
    opened.defer(() => rm(folder, { recursive: true }));
    const air = createAir(createMonotonicClock());
    opened.defer(() => air.stop());
    const stick = await plugIn({ air, folder, eui: '00124b0011223344' });
    opened.use(stick);
    const host = await openHost(stick.path);
    opened.defer(() => host.close());
    return { air, stick, host, opened };
  }

  it('forms, joins through ZDO in application frames, and backs up', async () => {
    const { air, stick, host } = await world();
    expect(await host.connect()).toEqual({ aligned: true, extendedNv: true });
    await host.form(NETWORK);
    expect(stick.coordinator.running).toBe(false);
    // It was there already: the stack says so by a status that is no success.
    expect(await host.startNetwork()).toBe(8);
    expect(stick.coordinator.network()).toMatchObject(NETWORK);
    await host.register(1);

    const plug = createPlug(air, { eui: '00158d00bb000001' });
    const lock = createDoorLock(air, { eui: '00158d00bb000002', shortPollMs: 50 });
    expect(plug.join()).toBe(false);
    await host.permitJoin(60);
    expect(plug.join()).toBe(true);
    const joined = await host.next(0x45ca);
    const nwk = joined.readUInt16LE(0);
    await host.next(0x45c1, (data) => data.readUInt16LE(2) === nwk);
    expect(lock.join(plug.eui)).toBe(true);
    const second = await host.next(0x45ca);
    expect(second.readUInt16LE(10)).toBe(nwk);

    for (const [device, type] of [
      [nwk, 1],
      [second.readUInt16LE(0), 2],
    ] as const) {
      const address = Buffer.of(device & 0xff, device >> 8);
      expect((await host.zdo(device, 0x0002, address))[2]! & 7).toBe(type);
      expect([...(await host.zdo(device, 0x0005, address)).subarray(2)]).toEqual([1, 1]);
      const simple = await host.zdo(device, 0x0004, address, Buffer.of(1));
      expect(simple.readUInt16LE(4)).toBe(0x0104);
    }

    const backup = await host.backup();
    expect(backup).toMatchObject({ ...NETWORK, coordinator: '00124b0011223344' });
    expect(backup.frameCounter).toBeGreaterThan(0);
    expect(backup.devices).toEqual([
      { eui: plug.eui, nwk: plug.nwk, child: true, linkKey: true },
      { eui: lock.eui, nwk: lock.nwk, child: false, linkKey: true },
    ]);

    await host.reset();
    expect([plug.paired, lock.paired]).toEqual([false, false]);
    await host.startNetwork();
    expect([plug.paired, lock.paired]).toEqual([true, true]);
  });

  it('gets errors as the firmware has them', async () => {
    const { host } = await world();
    await host.connect();
    // Unknown command, unknown subsystem, and a length that is too short.
    expect([...(await host.askRaw(0x21ff))]).toEqual([2, 0x21, 0xff]);
    expect([...(await host.askRaw(0x2101 | 0x1e00))]).toEqual([1, 0x3f, 0x01]);
    expect([...(await host.askRaw(0x2113))]).toEqual([4, 0x21, 0x13]);
    expect(await host.readNv(0x0999)).toBeNull();
    // A source that is not registered, and a network that does not run.
    expect([...(await host.ask(0x2401, Buffer.from('34120101000001001e00', 'hex')))]).toEqual([2]);
  });
});
