import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCK_ALARM } from '../../twins/zigbee-coordinator/index.ts';
import { createFakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import { runHubctl } from '../rig/hubctl.ts';
import { addressOf, ZIGBEE_BUS as BUS } from '../rig/zigbee.ts';
import { huntKey } from './key-hunt.ts';
import { FILE } from './scenario.ts';
import { createZigbeeWorld, type ZigbeeWorld } from './world.ts';

type Row = Record<string, unknown> & { zigbee?: { readings: Record<string, { value: unknown; at: string }> } & Record<string, unknown> };

describe('a hub with an OSDP line and a Zigbee stick', () => {
  const opened = new AsyncDisposableStack();
  let world: ZigbeeWorld;

  const rowOf = (nodes: Record<string, unknown>[], address: string): Row | undefined =>
    nodes.find((node) => node.nodeId === `${BUS}/${address}`) as Row | undefined;
  const reading = (name: string, value: unknown, device = world.lock) =>
    world.untilNodes(`${name} ${value}`, (nodes) => {
      const found = rowOf(nodes, addressOf(device))?.zigbee?.readings[name];
      return found?.value === value && found;
    });

  beforeAll(async () => {
    world = opened.use(await createZigbeeWorld({ peripherals: [{ address: 0 }], addresses: [0] }));
    await world.start();
    await world.up();
  });
  afterAll(() => opened.disposeAsync());

  test('forms a network of its own: no key or id is the default of a library', () => {
    const network = world.stick.coordinator.network()!;
    expect(world.stick.coordinator.formations).toBe(1);
    expect(network.channel).toBe(15);
    expect(network.key).not.toMatch(/^01030507090b0d0f/);
    expect(network.panId).not.toBe(0x1a62);
    expect(network.extendedPanId).not.toMatch(/^(dd){8}$/);
  });

  test('nobody joins before it is opened; then a lock, a router and a contact behind it are interviewed', async () => {
    expect(world.lock.join()).toBe(false);
    await world.pair(world.lock);
    await world.pair(world.plug);
    await world.pair(world.sensor, world.plug.eui);
    expect(world.devices.map(({ paired }) => paired)).toEqual([true, true, true]);
    // The locks report what they are: bound, and configured.
    expect(world.lock.bindings.map(({ cluster }) => cluster)).toEqual(expect.arrayContaining([0x0001, 0x0101]));
  });

  test('get_nodes has both buses in one answer, the coordinator is no node', async () => {
    const nodes = await world.nodes();
    expect(nodes.map(({ nodeId }) => nodeId).toSorted()).toEqual(
      ['rs485/0', ...world.devices.map((device) => `${BUS}/${addressOf(device)}`)].toSorted(),
    );
    expect(rowOf(nodes, addressOf(world.lock))).toMatchObject({
      protocol: 'zigbee',
      vendor: 'Example Locks',
      model: 'ZL-200',
      firmwareVersion: '2.4.1',
      available: true,
      zigbee: { interview: 'done', kind: 'end_device', power: 'battery' },
    });
    expect(rowOf(nodes, addressOf(world.plug))).toMatchObject({ zigbee: { kind: 'router', power: 'mains' } });
  });

  test('tells what devices report, with its age', async () => {
    const before = Date.now();
    world.lock.turn('unlocked');
    world.lock.setDoor('open');
    world.lock.setBattery(37);
    const { at } = await reading('lock', 'unlocked');
    expect(Date.parse(at)).toBeGreaterThan(before - 1_000);
    await reading('door', 'open');
    await reading('batteryPercent', 37);
    world.sensor.setOpen(true);
    await reading('alarm', true, world.sensor as never);
  });

  /** AF_DATA_REQUEST with ZCL's Default Response (0x0b of a global frame): an answer to what a device reported while it was awake. */
  const isDefaultResponse = (data: Buffer) => {
    const frame = data.subarray(10);
    const isManufacturers = ((frame[0] ?? 0) & 0x04) !== 0;
    return ((frame[0] ?? 0) & 0x03) === 0 && frame[isManufacturers ? 4 : 2] === 0x0b;
  };

  test('get_nodes asks no sleeping device', async () => {
    const asked: number[] = [];
    const stop = world.stick.coordinator.onFrame((direction, { command, data }) => {
      if (direction === 'in' && command === 0x2401 && !isDefaultResponse(data)) asked.push(data.readUInt16LE(0));
    });
    await world.nodes();
    stop();
    expect(asked.filter((nwk) => nwk === world.lock.nwk || nwk === world.sensor.nwk)).toEqual([]);
  });

  test('an alarm of the lock is told, and stands in the cloud', async () => {
    world.lock.alarm(LOCK_ALARM.FRONT_REMOVED);
    await world.untilNodes('tamper', (nodes) => rowOf(nodes, addressOf(world.lock))?.tamper === true);
    const node = `${BUS}/${addressOf(world.lock)}`;
    await world.rig.untilReported('the alarm', ({ alarms }) =>
      (alarms as { kind: string; node?: string }[] | undefined)?.some((alarm) => alarm.kind === 'tamper' && alarm.node === node),
    );
  });

  test('hubctl shows the network, and its key nowhere', async () => {
    const { code, terminal } = await runHubctl(world.rig, 'zigbee status');
    expect(code).toBe(0);
    expect(terminal.text()).toMatch(/channel/i);
    expect(terminal.text()).not.toContain(world.stick.coordinator.network()!.key);
  });

  test('a device that is removed is no node any more, on the stick neither', async () => {
    world.sensor.wake(60_000);
    await world.change('remove', { address: addressOf(world.sensor) });
    await world.untilNodes('the sensor gone', (nodes) => rowOf(nodes, addressOf(world.sensor)) === undefined);
    await expect.poll(() => world.sensor.membership).toBeNull();
    expect(world.stick.coordinator.devices().map(({ eui }) => eui)).not.toContain(world.sensor.eui);
  });

  test('a device that only the coordinator knows is listed, and is sent away when it hears that', async () => {
    const { plug } = world;
    const address = addressOf(plug);
    await world.agents.at(-1)!.stop();
    for (const name of [FILE.database, FILE.databaseCopy]) {
      const path = join(world.state, name);
      const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => !line.includes(address));
      await writeFile(path, lines.join('\n'));
    }
    await world.start();
    await world.up();
    await world.change('backup');
    await world.untilNodes('the plug as unknown', (nodes) => rowOf(nodes, address)?.zigbee?.interview === 'unknown_device');
    plug.faults = { mute: true };
    await expect(world.change('remove', { address })).rejects.toThrow('does not answer');
    expect(rowOf(await world.nodes(), address)).toBeDefined();
    plug.faults = {};
    await world.change('remove', { address });
    await world.untilNodes('the plug gone', (nodes) => rowOf(nodes, address) === undefined);
    await expect.poll(() => plug.membership).toBeNull();
    await world.change('backup');
    expect(rowOf(await world.nodes(), address)).toBeUndefined();
    await world.pair(plug);
  });

  test('what was known is known after a restart, also while the stick is away', async () => {
    await world.agents.at(-1)!.stop();
    await world.stick.yank();
    await world.start();
    await world.unavailable('missing');
    const row = rowOf(await world.nodes(), addressOf(world.lock));
    expect(row).toMatchObject({ model: 'ZL-200', available: false, zigbee: { readings: { lock: { value: 'unlocked' } } } });
    await world.stick.replug();
    await world.up();
  });

  test('another network is formed only by a person who knows what that costs', async () => {
    const was = world.stick.coordinator.network()!;
    const form = (answer: string) => runHubctl(world.rig, 'zigbee form --replace', createFakeTerminal({ answer }));
    expect((await form('7')).code).not.toBe(0);
    expect(world.stick.coordinator.network()).toMatchObject({ panId: was.panId, key: was.key });
    world.mark();
    const { code, terminal } = await form('2');
    expect(code, terminal.text()).toBe(0);
    await world.up();
    const is = world.stick.coordinator.network()!;
    expect([is.key === was.key, is.extendedPanId === was.extendedPanId]).toEqual([false, false]);
    expect([world.lock.paired, world.plug.paired]).toEqual([false, false]);
    await world.pair(world.lock);
    expect(world.lock.paired).toBe(true);
  });

  test('the key is where it belongs, and nowhere else', async () => {
    expect(await huntKey(world)).toEqual([]);
    // The search finds something when there is something: the hub's own files.
    await rm(world.state, { recursive: true });
    await expect(huntKey(world)).rejects.toThrow('does not work');
  });
});
