import { afterEach, describe, expect, test } from 'vitest';
import type { LibraryDevice } from '../../../../../agent/nodes/zigbee/host/library.ts';
import { createNetworkHost } from '../../../../../agent/nodes/zigbee/host/network.ts';
import { readEvent } from '../../../../../agent/nodes/zigbee/process/read-event.ts';
import type { ProcessEvent } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { createGuards } from '../../../../../agent/system/guard.ts';
import { createSteppedClock, settled } from '../../../../support/stepped-clock.ts';
import { createFakeLog } from '../../fakes.ts';
import { LOCK, OURS, SENSOR, STICK } from '../samples.ts';
import { createCoordinatorDevice, createDevice, createEndpoint, createFakeController } from './fake-controller.ts';

const START = {
  do: 'start',
  port: { adapter: 'zstack', path: '/dev/stick', baudRate: 115_200, rtscts: false },
  network: { panId: OURS.panId, extendedPanId: OURS.extendedPanId, networkKey: OURS.networkKey.reveal(), channel: 15 },
  database: '/d',
  databaseBackup: '/db',
  backup: '/b',
} as const;

const made: ReturnType<typeof createFakeController>[] = [];
afterEach(() => {
  for (const { controller } of made.splice(0)) {
    clearInterval(controller.databaseSaveTimer);
    clearInterval(controller.backupTimer);
  }
});

function createRig(devices = [createDevice({ endpoints: [createEndpoint(['closuresDoorLock', 'genPowerCfg'])] })]) {
  const clock = createSteppedClock();
  const fake = createFakeController([createCoordinatorDevice(), ...devices]);
  made.push(fake);
  const told: ProcessEvent[] = [];
  const wallClock = { nowMs: () => 1_000 + clock.nowMs() };
  const { guard } = createGuards({ log: createFakeLog(), clock, wallClock });
  const emit = (event: ProcessEvent) => {
    // What the agent would not understand is not said.
    expect(readEvent(JSON.stringify(event)), JSON.stringify(event)).not.toBeNull();
    told.push(event);
  };
  const host = createNetworkHost({ library: fake.library, clock, wallClock, guard, emit });
  const kinds = () => told.map(({ kind }) => kind);
  return { ...fake, host, told, kinds, clock };
}

test('the library gets all that makes the network, and its own timers are ended', async () => {
  const { host, options, controller, told } = createRig();
  const started = await host.start(START);
  expect(started).toEqual({ result: 'resumed', channel: 15, coordinator: STICK, firmware: 'zStack3x0 20230507' });
  expect(options()).toMatchObject({
    network: { panID: OURS.panId, channelList: [15], networkKey: [...Buffer.from(OURS.networkKey.reveal(), 'hex')] },
    transport: { path: '/dev/stick', adapter: 'zstack', baudRate: 115_200, rtscts: false },
    adapter: { disableLED: false },
  });
  expect(await options().acceptJoiningDeviceHandler(LOCK)).toBe(true);
  for (const timer of [controller.databaseSaveTimer, controller.backupTimer])
    expect((timer as unknown as { _destroyed: boolean })._destroyed).toBe(true);
  expect(told).toMatchObject([{ kind: 'device', device: { address: LOCK } }]);
});

test('before it is started, and after it was stopped, everything is refused', async () => {
  const { host } = createRig();
  const refused = async () => {
    for (const ask of [
      () => host.permitJoin(1),
      () => host.remove(LOCK),
      () => host.save(),
      () => host.check(),
      () => host.map(),
      () => host.ping(LOCK),
    ])
      await expect((async () => ask())()).rejects.toMatchObject({ code: 'not_started' });
  };
  await refused();
  await host.stop();
  await host.start(START);
  await host.stop();
  await refused();
});

test('an interview is told from the joining to the reports', async () => {
  const { host, events, told, kinds, clock } = createRig();
  await host.start(START);
  const [, lock] = [null, createDevice({ endpoints: [createEndpoint(['closuresDoorLock'], ['doorState'])] })];
  told.length = 0;
  events.emit('deviceJoined', { device: lock });
  events.emit('deviceInterview', { status: 'started', device: lock });
  events.emit('deviceInterview', { status: 'successful', device: lock });
  await settled();
  await clock.advance(0);
  expect(kinds()).toEqual(['interview', 'device', 'interview', 'device', 'interview', 'device', 'reporting']);
  // A lock without a door contact is whole.
  expect(told.at(-1)).toEqual({ kind: 'reporting', address: LOCK, problem: null });
  events.emit('deviceInterview', { status: 'failed', device: lock });
  events.emit('deviceLeave', { ieeeAddr: LOCK });
  expect(told.slice(-3)).toMatchObject([{ state: 'failed' }, { kind: 'device' }, { kind: 'left', address: LOCK }]);
});

describe('a device that joins although it is known', () => {
  const known = (interview: (isAnew?: boolean) => Promise<void>) => {
    const endpoint = createEndpoint(['closuresDoorLock']);
    return { endpoint, device: createDevice({ interview, endpoints: [{ ...endpoint, configuredReportings: [{}] }] }) };
  };
  const joins = (events: ReturnType<typeof createRig>['events'], device: LibraryDevice) =>
    events.emit('lastSeenChanged', { device, reason: 'deviceJoined' });

  test('is asked anew and reports again, for what was set up in it is gone', async () => {
    const asked: unknown[] = [];
    const { endpoint, device } = known(async (isAnew) => void asked.push(isAnew));
    const { host, events, told, clock } = createRig([device]);
    await host.start(START);
    events.emit('permitJoinChanged', { permitted: true, time: 60 });
    told.length = 0;
    joins(events, device);
    await settled();
    await clock.advance(0);
    expect(told.filter(({ kind }) => kind === 'interview')).toMatchObject([{ state: 'joined' }, { state: 'started' }, { state: 'done' }]);
    expect(told.at(-1)).toEqual({ kind: 'reporting', address: LOCK, problem: null });
    expect(asked).toEqual([true]);
    expect(endpoint.done).toEqual(['closuresDoorLock', 'lockState', 'doorState']);
  });

  test('and once more while it is asked: what was begun is void', async () => {
    const asked: (() => void)[] = [];
    const { device } = known(() => new Promise((resolve) => asked.push(resolve)));
    const { host, events, clock } = createRig([device]);
    await host.start(START);
    events.emit('permitJoinChanged', { permitted: true, time: 60 });
    for (let time = 0; time < 3; time += 1) joins(events, device);
    expect(asked).toHaveLength(1);
    asked[0]!();
    await settled();
    await clock.advance(0);
    expect(asked).toHaveLength(2);
    asked[1]!();
    await settled();
    await clock.advance(0);
    expect(asked).toHaveLength(2);
  });

  test('is left alone in a closed network, when it speaks for another reason, and while it is interviewed already', async () => {
    const asked: unknown[] = [];
    const { device } = known(async () => void asked.push(1));
    const { host, events, clock } = createRig([device]);
    await host.start(START);
    joins(events, device);
    events.emit('permitJoinChanged', { permitted: true, time: 60 });
    events.emit('lastSeenChanged', { device, reason: 'messageEmitted' });
    joins(events, { ...device, interviewState: 'IN_PROGRESS' });
    events.emit('permitJoinChanged', { permitted: false });
    joins(events, device);
    await settled();
    await clock.advance(0);
    expect(asked).toEqual([]);
  });
});

describe('what the library emits', () => {
  test.each<[string, unknown]>([
    ['deviceJoined', {}],
    ['deviceInterview', undefined],
    ['message', { device: null }],
    ['lastSeenChanged', {}],
    ['permitJoinChanged', null],
  ])('%s without sense ends nothing', async (event, payload) => {
    const { host, events } = createRig();
    await host.start(START);
    expect(() => events.emit(event, payload)).not.toThrow();
    await settled();
    expect(await host.check()).toEqual({ state: 'up' });
  });

  test('of a message only values that are no codes are passed on', async () => {
    const { host, events, told } = createRig();
    await host.start(START);
    told.length = 0;
    const device = createDevice();
    const message = (data: unknown) =>
      events.emit('message', { device, endpoint: { ID: 1 }, cluster: 'closuresDoorLock', type: 'attributeReport', linkquality: 1, data });
    message({ lockState: 1, pincodevalue: '1234', userid: 5, __proto__: null });
    message({ pincodevalue: '1234' });
    message(Buffer.from('1234'));
    message([1, 2]);
    message(null);
    message({ lockState: { nested: 1 } });
    expect(told).toEqual([
      {
        kind: 'message',
        message: { address: LOCK, cluster: 'closuresDoorLock', type: 'attributeReport', values: { lockState: 1 }, at: 1_000 },
      },
    ]);
  });

  test('a device that says much is told to be heard every five seconds', async () => {
    const { host, events, kinds, clock } = createRig();
    await host.start(START);
    const device = createDevice();
    for (let count = 0; count < 200; count += 1) {
      events.emit('lastSeenChanged', { device });
      await clock.advance(100);
    }
    expect(kinds().filter((kind) => kind === 'seen').length).toBeLessThanOrEqual(5);
    events.emit('lastSeenChanged', { device: createCoordinatorDevice() });
    expect(kinds().filter((kind) => kind === 'seen').length).toBeLessThanOrEqual(5);
  });

  test('a stick that goes away is told', async () => {
    const { host, events, told } = createRig();
    await host.start(START);
    events.emit('adapterDisconnected');
    expect(told.at(-1)).toEqual({ kind: 'lost', message: 'the stick went away' });
  });

  test('what a device calls itself is cut to what the agent takes', async () => {
    const hostile = createDevice({
      manufacturerName: 'x'.repeat(5_000),
      modelID: 'lock\0\0\0hidden',
      softwareBuildID: '   ',
      linkquality: 999,
      lastSeen: Number.NaN,
      checkinInterval: -1,
      interviewState: 'odd',
      type: 'odd',
      powerSource: 5 as unknown as string,
      endpoints: [createEndpoint(Array.from({ length: 300 }, (_, index) => `cluster${index}`))],
    });
    const { host, told } = createRig([hostile]);
    await host.start(START);
    expect(told[0]).toMatchObject({
      device: {
        vendor: 'x'.repeat(128),
        model: 'lock',
        firmware: null,
        linkQuality: 255,
        lastSeen: null,
        checkInSeconds: null,
        interview: 'pending',
        kind: 'unknown',
      },
    });
  });
});

test.each<[string, () => Promise<unknown>, boolean]>([
  ['says that it leaves', async () => [0, {}], true],
  ['refuses', async () => [0x80, undefined], false],
  ['does not answer', () => Promise.reject(new Error('timeout')), false],
  ['never settles', () => new Promise(() => {}), false],
  ['answers nothing at all', async () => undefined, false],
])('a device that the library does not know, and that %s', async (_, sendRaw, confirmed) => {
  const { host, controller, clock } = createRig();
  await host.start(START);
  const asked: unknown[] = [];
  controller.sendRaw = (request) => {
    asked.push(request);
    return sendRaw();
  };
  expect(await clock.settle(host.sendAway(SENSOR, 0x1234), 20_000)).toEqual({ confirmed });
  expect(asked).toEqual([{ ieeeAddress: SENSOR, networkAddress: 0x1234, profileId: 0, clusterKey: 0x34, zdoParams: [SENSOR, 0] }]);
});

describe('a device that is sent away', () => {
  const removed: string[] = [];
  const leaving = (removeFromNetwork: () => Promise<void>) =>
    createRig([createDevice({ removeFromNetwork, removeFromDatabase: () => void removed.push(LOCK) })]);

  test('confirms, and is gone', async () => {
    const { host, told } = leaving(async () => {});
    await host.start(START);
    expect(await host.remove(LOCK)).toEqual({ confirmed: true });
    expect(told.at(-1)).toEqual({ kind: 'left', address: LOCK });
    expect(removed.splice(0)).toEqual([LOCK]);
  });

  test.each<[string, () => Promise<void>]>([
    ['refuses', () => Promise.reject(new Error('no'))],
    ['sleeps', () => new Promise(() => {})],
  ])('%s, and is forgotten all the same', async (_, leave) => {
    const { host, clock } = leaving(leave);
    await host.start(START);
    expect(await clock.settle(host.remove(LOCK), 11_000)).toEqual({ confirmed: false });
    expect(removed.splice(0)).toEqual([LOCK]);
  });

  test.each([SENSOR, `0x${STICK}`])('is none that is not paired, nor the coordinator: %s', async (address) => {
    const { host } = createRig();
    await host.start(START);
    await expect(host.remove(address)).rejects.toMatchObject({ code: 'unknown_device' });
  });
});

test.each<[string, unknown, 'up' | 'reset']>([
  ['endpoints', [0, { endpointList: [1, 2] }], 'up'],
  ['none', [0, { endpointList: [] }], 'reset'],
  ['a refusal', [130, undefined], 'up'],
  ['nothing', undefined, 'up'],
  ['something without a list', [0, {}], 'up'],
])('a coordinator that answers %s is %s', async (_, answer, state) => {
  const { host, controller } = createRig();
  await host.start(START);
  controller.sendRaw = async () => answer;
  expect(await host.check()).toEqual({ state });
});

test('a router that refuses to tell its neighbours is named', async () => {
  const { host, controller } = createRig([createDevice({ type: 'Router' })]);
  await host.start(START);
  controller.sendRaw = async ({ networkAddress }) =>
    networkAddress === 0 ? [0, { neighborTableEntries: 1, entryList: [{ eui64: LOCK, relationship: 1, lqi: 3 }] }] : [132, undefined];
  expect(await host.map()).toEqual({
    neighbours: [{ of: `0x${STICK}`, address: LOCK, relation: 'child', quality: 3 }],
    unasked: [LOCK],
  });
});

test('a library that does not stop is left after two seconds, with its port closed', async () => {
  const { host, controller, calls, clock } = createRig();
  await host.start(START);
  controller.stop = () => new Promise(() => {});
  await clock.settle(host.stop(), 2_000);
  expect(calls).toContain('adapter stop');
});

describe('what could not be completed while a device slept', () => {
  test('is completed when it is heard, and not tried more often than every ten minutes', async () => {
    let interviews = 0;
    const lock = createDevice({
      interviewState: 'FAILED',
      interview: async () => {
        interviews += 1;
        throw new Error('asleep');
      },
    });
    const { host, events, clock } = createRig([lock]);
    await host.start(START);
    for (let count = 0; count < 25; count += 1) {
      events.emit('lastSeenChanged', { device: lock });
      await clock.advance(60_000);
    }
    expect(interviews).toBe(3);
  });

  test('reports that are missing are set up; what the device lacks is named once', async () => {
    const endpoint = createEndpoint(['closuresDoorLock', 'genPowerCfg'], ['lockState', 'doorState']);
    const lock = createDevice({ endpoints: [endpoint] });
    const { host, events, told, clock } = createRig([lock]);
    await host.start(START);
    events.emit('lastSeenChanged', { device: lock });
    await clock.advance(1);
    expect(endpoint.done).toEqual(['closuresDoorLock', 'genPowerCfg', 'batteryPercentageRemaining']);
    expect(told.at(-1)).toEqual({ kind: 'reporting', address: LOCK, problem: 'could not be set up: lockState' });
  });
});

test('frames are shown only while somebody looks, by names and sizes', async () => {
  const { host, controller, told, events } = createRig();
  const sent: unknown[] = [];
  controller.adapter!.sendZdo = async (...args) => void sent.push(args);
  await host.start(START);
  const shown = () => told.filter(({ kind }) => kind === 'trace');
  await controller.adapter!.sendZdo(LOCK, 7, 0x31, Buffer.from('secret'));
  expect(shown()).toEqual([]);
  host.trace(true);
  await controller.adapter!.sendZdo(LOCK, 7, 0x31, Buffer.from('secret'));
  events.emit('message', {
    device: createDevice(),
    endpoint: { ID: 1 },
    cluster: 'x'.repeat(900),
    type: 'read',
    linkquality: 1,
    data: { pincodevalue: '1234' },
  });
  expect(shown()).toMatchObject([{ sent: true, address: 7, name: 'ZDO 0x0031', bytes: 6 }, { sent: false }]);
  expect(JSON.stringify(shown())).not.toMatch(/secret|1234/);
  expect(sent).toHaveLength(2);
});
