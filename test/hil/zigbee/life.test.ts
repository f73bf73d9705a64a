import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { huntKey } from './key-hunt.ts';
import { SCENARIOS } from './scenarios.ts';
import { createZigbeeWorld, type ZigbeeWorld } from './world.ts';

/** One hub goes through all of it, one after the other, as in years: what one leaves behind the next one finds. */
describe('whatever happens, a lock that is paired stays paired', () => {
  const opened = new AsyncDisposableStack();
  let world: ZigbeeWorld;

  const network = () => {
    const { panId, extendedPanId, key } = world.stick.coordinator.network()!;
    return { panId, extendedPanId, key };
  };
  const paired = () => world.devices.filter((device) => device.paired).length;

  beforeAll(async () => {
    world = opened.use(await createZigbeeWorld());
    await world.start();
    await world.up();
    await world.pair(world.lock);
    await world.pair(world.plug);
    await world.pair(world.sensor, world.plug.eui);
  });
  afterAll(() => opened.disposeAsync());

  test.each(SCENARIOS)('$name', async ({ run }) => {
    const [before, was] = [paired(), network()];
    expect(before).toBe(world.devices.length);
    await run(world);
    expect(paired()).toBe(before);
    expect(network()).toEqual(was);
  });

  test('and its reports still come', async () => {
    const { lock, plug, sensor } = world;
    for (const state of ['unlocked', 'locked'] as const) {
      lock.turn(state);
      await world.untilNodes(state, (nodes) => JSON.stringify(nodes).includes(`"lock":{"value":"${state}"`));
    }
    expect([plug.paired, sensor.paired]).toEqual([true, true]);
  });

  test('and the key was told to nobody', async () => {
    expect(await huntKey(world)).toEqual([]);
  });
});
