import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { type Air, createAir, createContactSensor, createDoorLock, createPlug, type Device, plugIn, type Stick } from './index.ts';

const require = createRequire(import.meta.url);
const installed = (() => {
  try {
    return require.resolve('zigbee-herdsman') !== '';
  } catch {
    return false;
  }
})();

const KEY = 'c0ffee00112233445566778899aabbcc';

/** What the tests use of the library. */
interface Endpoint {
  bind(cluster: string, to: Endpoint): Promise<void>;
  read(cluster: string, attributes: string[]): Promise<Record<string, unknown>>;
  configureReporting(cluster: string, items: object[]): Promise<void>;
  getInputClusters(): { name: string }[];
}
interface Known {
  ieeeAddr: string;
  type: string;
  modelID?: string;
  interviewState: string;
  getEndpoint(id: number): Endpoint;
  lqi(): Promise<{ eui64: string; relationship: number }[]>;
  removeFromNetwork(): Promise<void>;
}
interface Library {
  start(): Promise<string>;
  stop(): Promise<void>;
  permitJoin(seconds: number): Promise<void>;
  getDevicesIterator(): Iterable<Known>;
  on(event: string, listener: (data: Record<string, never>) => void): void;
  sendRaw(request: object): Promise<[number, { endpointList: number[] }]>;
}

describe.runIf(installed)('zigbee-herdsman on the twin', () => {
  const opened = new AsyncDisposableStack();
  const messages: { type: string; data: Record<string, unknown> }[] = [];
  let folder: string;
  let air: Air;
  let stick: Stick;
  let library: Library;
  let devices: Device[];

  const make = (): Library => {
    const { Controller, setLogger } = require('zigbee-herdsman');
    const silent = () => {};
    setLogger({ debug: silent, info: silent, warning: silent, error: silent });
    const made = new Controller({
      network: { panID: 0x3f51, extendedPanID: [1, 2, 3, 4, 5, 6, 7, 8], channelList: [15], networkKey: [...Buffer.from(KEY, 'hex')] },
      transport: { path: stick.path, adapter: 'zstack', baudRate: 115_200, rtscts: false },
      databasePath: join(folder, 'database.db'),
      databaseBackupPath: join(folder, 'database.db.backup'),
      backupPath: join(folder, 'backup.json'),
      adapter: { disableLED: false },
    }) as Library;
    made.on('message', (message) => messages.push(message as never));
    return made;
  };
  const known = (device: { eui: string }): Known | undefined =>
    [...library.getDevicesIterator()].find(({ ieeeAddr }) => ieeeAddr === `0x${device.eui}`);
  const interviewed = (device: Device) => expect.poll(() => known(device)?.interviewState).toBe('SUCCESSFUL');
  const heard = (type: string, data: object) =>
    expect.poll(() => messages.filter((one) => one.type === type).map((one) => one.data)).toContainEqual(expect.objectContaining(data));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hub-zigbee-'));
    opened.defer(() => rm(folder, { recursive: true }));
    air = createAir(createMonotonicClock());
    opened.defer(() => air.stop());
    stick = opened.use(await plugIn({ air, folder, eui: '00124b0012345678' }));
  });
  afterAll(async () => {
    await library?.stop().catch(() => {});
    await opened.disposeAsync();
  });

  it('forms a network', async () => {
    library = make();
    expect(await library.start()).toBe('reset');
    expect(stick.coordinator.network()).toMatchObject({ panId: 0x3f51, extendedPanId: '0102030405060708', channel: 15, key: KEY });
    expect(stick.coordinator.formations).toBe(1);
  });

  it('interviews a lock, a contact behind a router, and the router', async () => {
    const quick = { shortPollMs: 50, secondMs: 100 };
    const plug = createPlug(air, { eui: '00158d00aa000001' });
    const lock = createDoorLock(air, { eui: '00158d00aa000002', ...quick });
    const sensor = createContactSensor(air, { eui: '00158d00aa000003', ...quick });
    devices = [plug, lock, sensor];
    expect(lock.join()).toBe(false);
    await library.permitJoin(60);
    for (const device of [plug, lock]) {
      expect(device.join()).toBe(true);
      await interviewed(device);
    }
    sensor.join(plug.eui);
    await interviewed(sensor);
    expect(devices.map((device) => known(device)).map((one) => [one?.type, one?.modelID])).toEqual([
      ['Router', 'ZP-1'],
      ['EndDevice', 'ZL-200'],
      ['EndDevice', 'ZC-10'],
    ]);
    expect(sensor.enrolled).toBe(true);
    expect(await known(plug)!.lqi()).toMatchObject([{ eui64: `0x${sensor.eui}`, relationship: 1 }]);

    const coordinator = [...library.getDevicesIterator()].find(({ type }) => type === 'Coordinator')!.getEndpoint(1);
    const endpoint = known(lock)!.getEndpoint(1);
    await endpoint.bind('closuresDoorLock', coordinator);
    const interval = { minimumReportInterval: 0, maximumReportInterval: 3_600, reportableChange: 0 };
    await endpoint.configureReporting('closuresDoorLock', [{ attribute: 'lockState', ...interval }]);
    lock.turn('unlocked');
    await heard('attributeReport', { lockState: 2 });
    lock.alarm(4);
    await heard('commandAlarm', { alarmcode: 4, clusterid: 257 });
    sensor.setOpen(true);
    await heard('commandStatusChangeNotification', { zonestatus: 1 });
    await expect(endpoint.read('closuresDoorLock', ['lockState'])).resolves.toEqual({ lockState: 2 });
  });

  it('resumes, and loses its endpoints at a reset of the stick', async () => {
    const probe = { ieeeAddress: '0x00124b0012345678', networkAddress: 0, profileId: 0, clusterKey: 5, zdoParams: [0] };
    await library.stop();
    library = make();
    expect(await library.start()).toBe('resumed');
    expect((await library.sendRaw(probe))[1].endpointList).toContain(1);
    stick.coordinator.reset();
    await expect.poll(async () => (await library.sendRaw(probe))[1].endpointList).toEqual([]);
    expect(devices.map(({ paired }) => paired)).toEqual([false, false, false]);
    await library.stop().catch(() => {});
    library = make();
    expect(await library.start()).toBe('resumed');
    expect(devices.map(({ paired }) => paired)).toEqual([true, true, true]);
  });

  it('restores the network onto another stick, where every device is still heard', async () => {
    await library.stop();
    await stick.replace({ eui: '00124b00ffffffff' });
    library = make();
    expect(await library.start()).toBe('restored');
    // The address of the lost stick is written to this one: bindings go on.
    expect(stick.coordinator.eui).toBe('00124b0012345678');
    expect(devices.map(({ paired }) => paired)).toEqual([true, true, true]);
    const [, lock] = devices as [Device, ReturnType<typeof createDoorLock>];
    messages.length = 0;
    lock.turn('locked');
    await heard('attributeReport', { lockState: 1 });
    lock.wake();
    await known(lock)!.removeFromNetwork();
    await expect.poll(() => lock.membership).toBeNull();
    expect(stick.coordinator.devices()).toHaveLength(2);
  });
});
