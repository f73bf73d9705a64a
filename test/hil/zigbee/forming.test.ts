import { describe, expect, test } from 'vitest';
import { createZigbeeWorld, type ZigbeeWorld } from './world.ts';

const BDB_START_COMMISSIONING = 0x2f05;
const AF_REGISTER = 0x2400;
const NV_WRITE = 0x211d;

/** When the host sends this for the n-th time, the network is in the making. */
const MOMENTS = [
  { name: 'the flash is being written', command: NV_WRITE, count: 3 },
  { name: 'the network is being formed', command: BDB_START_COMMISSIONING, count: 1 },
  { name: 'the endpoints are being registered', command: AF_REGISTER, count: 2 },
] as const;

const DISTURBANCES: Readonly<Record<string, (world: ZigbeeWorld) => Promise<void>>> = {
  'the agent is killed': async (world) => {
    await world.agents.at(-1)!.kill();
    await world.start();
  },
  'the power is cut': async (world) => {
    await Promise.all([world.agents.at(-1)!.kill(), world.stick.yank()]);
    await world.stick.replug();
    await world.start();
  },
  'the stick is pulled': async ({ stick }) => {
    await stick.yank();
    await stick.replug();
  },
};

/** Before anything is paired, a network may be formed twice; what must not be is a hub and a stick with two networks, or a hub that gives up. */
describe.each(MOMENTS)('while $name', ({ command, count }) => {
  test.each(Object.keys(DISTURBANCES))('%s: there is one network in the end, and a lock joins it', async (disturbance) => {
    await using world = await createZigbeeWorld();
    const moment = world.untilFrames(command, count);
    await world.start();
    await moment;
    world.mark();
    await DISTURBANCES[disturbance]!(world);
    await world.up();
    const { network } = await world.status();
    const flash = world.stick.coordinator.network()!;
    expect(Number(network!.panId)).toBe(flash.panId);
    await world.pair(world.lock);
    await world.agents.at(-1)!.stop();
    await world.start();
    await world.up();
    expect(world.stick.coordinator.network()).toMatchObject({ panId: flash.panId, key: flash.key });
    expect(world.lock.paired).toBe(true);
  });
});
