import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../../../agent/nodes/zigbee/bus/options.ts';
import { ProcessFailure } from '../../../../../agent/nodes/zigbee/process/process.ts';
import type { Command, FailureCode } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { parseRecord } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { LOCK, PATH, SENSOR, STICK } from '../samples.ts';
import { BUS, createRig, lockFacts, type ZigbeeRig } from './rig.ts';

const recordOf = ({ files, places }: ZigbeeRig) => parseRecord(files.content.get(places.record)!);

/** A hub whose network is formed, with a lock. */
async function formed(): Promise<ZigbeeRig> {
  const rig = createRig();
  rig.bus.start();
  await rig.up();
  await rig.pair();
  return rig;
}

test('a first network is on the disk before the library can use it, and is told as it is', async () => {
  const rig = createRig();
  const { bus, network, library, up, stop } = rig;
  library.instead = ({ do: what }) => {
    if (what === 'start') expect(recordOf(rig)).toMatchObject({ stage: 'forming', channel: 15 });
    return undefined;
  };
  expect(network.status()).toMatchObject({ state: 'stopped', stage: 'none', network: null });
  bus.start();
  bus.start();
  await up();
  expect(recordOf(rig)).toMatchObject({ stage: 'formed', coordinator: STICK, stick: PATH });
  expect(network.status()).toMatchObject({ state: 'up', stage: 'formed', starts: 1, pid: 1001, devices: 0, problem: null, notices: [] });
  await stop();
  expect(rig.clock.timers).toBe(0);
  expect(rig.state()).toBe('stopped');
});

test('a network that exists is resumed with what its devices reported, after the agent too', async () => {
  const rig = await formed();
  const { library, clock, files } = rig;
  library.tell({
    kind: 'message',
    message: { address: LOCK, cluster: 'closuresDoorLock', type: 'attributeReport', values: { lockState: 1 }, at: rig.wallClock.nowMs() },
  });
  await rig.stop();
  const again = createRig({ files, clock, processes: library });
  again.bus.start();
  await clock.until(() => again.bus.status().state === 'up', 5_000);
  library.tell({ kind: 'device', device: lockFacts() });
  expect(again.bus.nodes()).toMatchObject([{ address: LOCK, available: true, zigbee: { readings: { lock: { value: 'locked' } } } }]);
  expect(library.asked.filter(({ do: what }) => what === 'start')).toHaveLength(2);
  await clock.settle(again.bus.stop(), 3_000);
});

describe('what is asked for', () => {
  const ASKED: [what: string, Command['do'], (rig: ZigbeeRig) => Promise<unknown>][] = [
    ['joining', 'permit_join', ({ network }) => network.permitJoin(60)],
    ['a removal', 'remove', ({ network }) => network.remove(LOCK)],
    ['a backup', 'save', ({ network }) => network.backup()],
    ['a map', 'map', ({ network }) => network.map()],
  ];

  test.each(ASKED)('%s is answered when the process dies over it, and the network comes back with its devices', async (_, what, ask) => {
    const rig = await formed();
    rig.library.instead = (command) => (command.do === what ? 'dies' : undefined);
    await expect(rig.clock.settle(ask(rig), 5_000)).rejects.toMatchObject({ code: 'bus_unavailable' });
    rig.library.instead = () => undefined;
    await rig.up();
    expect(rig.library.paired).toEqual([LOCK]);
    expect(rig.library.asked.filter(({ do: each }) => each === 'start')).toHaveLength(2);
    expect(rig.lost).not.toContain(true);
    await rig.stop();
  });

  test.each(ASKED)('%s is answered when the library never settles', async (_, what, ask) => {
    const rig = await formed();
    rig.library.instead = (command) => (command.do === what ? 'never' : undefined);
    await expect(rig.clock.settle(ask(rig), LIMITS.map + 1_000)).rejects.toMatchObject({ code: 'bus_unavailable' });
    await rig.stop();
  });

  test.each(ASKED)('%s is refused with the reason while the stick is away', async (_, __, ask) => {
    const rig = await formed();
    rig.pull();
    await rig.clock.advance(5_000);
    await expect(rig.clock.settle(ask(rig), 1_000)).rejects.toMatchObject({
      code: 'bus_unavailable',
      message: expect.stringContaining(PATH),
    });
    await rig.stop();
  });

  test.each<Command['do']>(['look', 'start'])(
    'a process that dies in the midst of "%s" forms nothing and is started again',
    async (what) => {
      const rig = await formed();
      const before = recordOf(rig);
      rig.library.die();
      let deaths = 3;
      rig.library.instead = (command) => (command.do === what && deaths-- > 0 ? 'dies' : undefined);
      await rig.up(60_000);
      expect(recordOf(rig)).toMatchObject({ panId: before.panId, extendedPanId: before.extendedPanId, stage: 'formed' });
      expect(rig.lost).not.toContain(true);
      await rig.stop();
    },
  );

  test('an address is found in capitals too; what is none is refused', async () => {
    const rig = await formed();
    await expect(rig.clock.settle(rig.network.remove(LOCK.toUpperCase()), 1_000)).resolves.toEqual({ confirmed: true });
    for (const address of ['', '0x', '5', `${LOCK}0`, LOCK.slice(2)])
      await expect(rig.network.remove(address)).rejects.toMatchObject({ code: 'invalid_args' });
    rig.library.instead = ({ do: what }) => (what === 'remove' ? new ProcessFailure('unknown_device', 'no such device') : undefined);
    await expect(rig.clock.settle(rig.network.remove(SENSOR), 1_000)).rejects.toMatchObject({ code: 'invalid_args' });
    await rig.stop();
  });

  test.each([-1, 255, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%s seconds of joining are refused', async (seconds) => {
    const rig = await formed();
    await expect(rig.network.permitJoin(seconds)).rejects.toMatchObject({ code: 'invalid_args' });
    await rig.stop();
  });
});

test('the library formed another network: the loudest alarm, nothing kept of it, and a way back', async () => {
  const rig = await formed();
  const { library, network, clock, files, places } = rig;
  const before = recordOf(rig);
  const copy = files.content.get(places.backupCopy)!;
  library.die();
  library.startResult = 'reset';
  await clock.until(() => rig.lost.includes(true), 10_000);
  await clock.until(() => rig.bus.status().error?.reason === 'network', 60_000);
  library.startResult = null;
  expect(rig.log.events()).toContain('zigbee_network_lost');
  expect(recordOf(rig)).toMatchObject({ stage: 'lost', panId: before.panId });
  await clock.advance(120_000);
  expect(rig.bus.status().error!.message).toContain('sudo hubctl zigbee restore');
  expect(files.content.get(places.backupCopy)).toEqual(copy);
  library.startResult = 'restored';
  network.restore();
  await rig.up();
  expect(rig.lost.at(-1)).toBe(false);
  expect(recordOf(rig)).toMatchObject({ stage: 'formed', panId: before.panId });
  await rig.stop();
});

test('another network takes the place of one only with the number of its devices, and has none of them', async () => {
  const rig = await formed();
  const { network, library, bus, clock, events } = rig;
  const before = recordOf(rig);
  expect(() => network.form(0)).toThrow('1 devices');
  library.paired = [];
  network.form(1);
  await clock.until(() => rig.state() !== 'up', 1_000);
  library.stick = { state: 'blank', coordinator: STICK };
  await rig.up();
  expect(recordOf(rig).panId).not.toBe(before.panId);
  expect(bus.nodes()).toEqual([]);
  expect(events).toContainEqual({ kind: 'gone', address: LOCK });
  expect(network.status().devices).toBe(0);
  await rig.stop();
});

test('without room on the disk the network runs on, nothing may join, and what was reported is told', async () => {
  const rig = await formed();
  const { network, bus, files, library, clock } = rig;
  files.full = true;
  await expect(clock.settle(network.backup(), 1_000)).rejects.toMatchObject({
    code: expect.stringMatching(/storage_failed|bus_unavailable/),
  });
  library.tell({
    kind: 'message',
    message: { address: LOCK, cluster: 'closuresDoorLock', type: 'attributeReport', values: { lockState: 2 }, at: rig.wallClock.nowMs() },
  });
  expect(bus.nodes()).toMatchObject([{ available: true, zigbee: { readings: { lock: { value: 'unlocked' } } } }]);
  expect(network.status().notices).toMatchObject([{ code: 'not_kept' }]);
  const saves = () => library.asked.filter(({ do: what }) => what === 'save').length;
  const before = saves();
  await clock.advance(3_600_000);
  expect(saves() - before).toBeLessThan(20);
  expect(rig.state()).toBe('up');
  library.die();
  await rig.up(60_000);
  await expect(clock.settle(network.permitJoin(60), 1_000)).rejects.toMatchObject({ code: 'storage_failed' });
  files.full = false;
  await clock.advance(600_000);
  await clock.settle(network.permitJoin(60), 1_000);
  expect(network.status().notices).toEqual([]);
  await rig.stop();
});

test('who joins is told in its order, and that it is over when the stick is gone', async () => {
  const rig = await formed();
  const { network, library, clock } = rig;
  const heard: string[] = [];
  const end = network.onJoin(({ event }) => void heard.push(event));
  library.tell({ kind: 'permit_join', open: true, seconds: 60 });
  expect(network.status().permitJoinSeconds).toBe(60);
  library.tell({ kind: 'interview', address: SENSOR, state: 'joined' });
  library.tell({ kind: 'interview', address: SENSOR, state: 'started' });
  library.tell({ kind: 'device', device: lockFacts({ address: SENSOR }) });
  library.tell({ kind: 'interview', address: SENSOR, state: 'done' });
  library.tell({ kind: 'reporting', address: SENSOR, problem: null });
  rig.pull();
  await clock.advance(2_000);
  expect(heard).toEqual(['open', 'joined', 'interview_started', 'device', 'interview_done', 'reporting', 'closed']);
  expect(network.status().permitJoinSeconds).toBe(0);
  end();
  await rig.stop();
});

test('joining closes by itself when the library does not say so', async () => {
  const rig = await formed();
  rig.library.tell({ kind: 'permit_join', open: true, seconds: 60 });
  await rig.clock.advance(60_000);
  expect(rig.network.status().permitJoinSeconds).toBe(0);
  await rig.stop();
});

test('a node that would come back is not forgotten: the command that ends it is named', async () => {
  const rig = createRig();
  const { bus, library, network, clock } = rig;
  expect(bus.cannotForget!(LOCK)).toContain('hubctl zigbee status');
  bus.start();
  await rig.up();
  await rig.pair();
  library.strangers = [SENSOR];
  await clock.settle(network.backup(), 1_000);
  expect(network.status().notices).toContainEqual({ code: 'unknown_devices', addresses: [SENSOR] });
  expect(bus.cannotForget!(LOCK)).toContain(`sudo hubctl nodes remove ${BUS}/${LOCK}`);
  expect(bus.cannotForget!(SENSOR)).toContain(`sudo hubctl nodes remove ${BUS}/${SENSOR}`);
  expect(bus.cannotForget!('0x00158d00000000ff')).toBeNull();
  await clock.settle(network.remove(LOCK), 1_000);
  library.tell({ kind: 'left', address: LOCK });
  expect(bus.cannotForget!(LOCK)).toBeNull();
  await rig.stop();
});

describe('a device that only the coordinator knows', () => {
  async function withStranger() {
    const rig = await formed();
    rig.library.strangers = [SENSOR];
    await rig.clock.settle(rig.network.backup(), 1_000);
    const listed = () => rig.bus.nodes().flatMap(({ address }) => (address === LOCK ? [] : [address]));
    expect(listed()).toEqual([SENSOR]);
    return { rig, listed };
  }

  test('is sent away by its address, and gone for good when it heard it', async () => {
    const { rig, listed } = await withStranger();
    await expect(rig.clock.settle(rig.network.remove(SENSOR.toUpperCase()), 1_000)).resolves.toEqual({ confirmed: true });
    expect(rig.library.asked.at(-1)).toEqual({ do: 'send_away', address: SENSOR, networkAddress: 2 });
    expect(listed()).toEqual([]);
    expect(rig.events).toContainEqual({ kind: 'gone', address: SENSOR });
    expect(rig.bus.cannotForget!(SENSOR)).toBeNull();
    await rig.clock.advance(60_000);
    expect(listed()).toEqual([]);
    expect(rig.network.status().notices).toEqual([]);
    await rig.stop();
  });

  test.each<[string, (rig: ZigbeeRig) => void]>([
    ['does not answer', ({ library }) => Object.assign(library, { sentAway: false })],
    ['cannot be asked', ({ library }) => Object.assign(library, { instead: refuses('failed') })],
    ['answers too late', ({ library }) => Object.assign(library, { instead: refuses('late') })],
  ])('stays listed when it %s, and it is said what to do', async (_, arrange) => {
    const { rig, listed } = await withStranger();
    arrange(rig);
    await expect(rig.clock.settle(rig.network.remove(SENSOR), 1_000)).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect(listed()).toEqual([SENSOR]);
    expect(rig.state()).toBe('up');
    await rig.stop();
  });

  const refuses = (code: FailureCode) => (command: Command) =>
    command.do === 'send_away' ? new ProcessFailure(code, 'sudo hubctl nodes permit-join') : undefined;
});

test('the frames of the bus are shown while somebody looks, by every process', async () => {
  const rig = await formed();
  const { bus, library } = rig;
  const shown: string[] = [];
  const end = bus.onTrace!(({ name, kind }) => void shown.push(`${kind} ${name}`));
  library.tell({ kind: 'trace', sent: true, address: 1, name: 'ZDO 0x0031', bytes: 1, text: '' });
  library.die();
  await rig.up();
  end();
  expect(shown).toEqual(['sent ZDO 0x0031']);
  expect(library.asked.filter(({ do: what }) => what === 'trace')).toEqual([
    { do: 'trace', on: true },
    { do: 'trace', on: true },
    { do: 'trace', on: false },
  ]);
  await rig.stop();
});

describe('a stick that tells nothing of what befell it', () => {
  test('is started anew after a reset of its own, and that is told', async () => {
    const rig = await formed();
    rig.library.instead = ({ do: what }) => (what === 'check' ? new ProcessFailure('late', 'late') : undefined);
    await rig.clock.until(() => rig.bus.status().error?.reason === 'silent', 60_000);
    rig.library.instead = () => undefined;
    rig.library.checks = 'reset';
    await rig.up(60_000);
    await rig.clock.until(() => rig.bus.status().error?.reason === 'reset', 20_000);
    rig.library.checks = 'up';
    await rig.up(60_000);
    expect(rig.network.status().notices).toContainEqual({ code: 'coordinator_reset', count: 1 });
    await rig.stop();
  });

  test('of a family whose answers are not known, is not judged by them', async () => {
    const rig = createRig({ adapter: 'ember' });
    rig.library.checks = 'reset';
    rig.bus.start();
    await rig.up();
    await rig.clock.advance(120_000);
    expect(rig.state()).toBe('up');
    await rig.stop();
  });
});
