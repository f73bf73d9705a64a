import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { canMount } from '../../support/privileges.ts';
import { createZigbeeWorld, type ZigbeeWorld } from './world.ts';

const run = promisify(execFile);
const ROOM = 512 * 1024;

describe.runIf(await canMount())('the state partition', () => {
  let opened = new AsyncDisposableStack();
  afterEach(async () => {
    await opened.disposeAsync();
    opened = new AsyncDisposableStack();
  });

  /** A hub with a lock, its state on a small partition of its own. */
  async function hub(): Promise<{ world: ZigbeeWorld; partition: string }> {
    const world = opened.use(await createZigbeeWorld());
    const partition = join(world.rig.folder, 'state');
    await mkdir(partition, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${ROOM},mode=700`, 'tmpfs', partition]);
    opened.defer(async () => {
      await Promise.all(world.agents.map((agent) => agent.kill()));
      await run('umount', ['-l', partition]);
    });
    await world.start();
    await world.up();
    await world.pair(world.lock);
    return { world, partition };
  }

  const noticed = async (world: ZigbeeWorld, code: string) =>
    expect.poll(async () => (await world.status()).notices.map((notice) => notice.code)).toContain(code);

  const reported = (world: ZigbeeWorld, state: string) =>
    world.untilNodes(state, (nodes) => JSON.stringify(nodes).includes(`"value":"${state}"`));

  /** What must be journaled before it runs is answered, and does not run. */
  const refused = async ({ rig }: ZigbeeWorld) => {
    const { id } = await rig.run('set_wifi_credentials', { ssid: 'Elsewhere', credentials: 'a password' });
    const page = await rig.until('the answer', () => rig.results.find((one) => one.id === id));
    expect(page).toMatchObject({ status: 'FAILED', error: { code: 'internal', message: expect.stringContaining('journal') } });
  };

  test('is full while devices report and join: the network lives on, and is kept when there is room', async () => {
    const { world, partition } = await hub();
    const filler = join(partition, 'filler');
    await writeFile(filler, Buffer.alloc(ROOM)).catch(() => {});
    await expect(world.change('backup')).rejects.toThrow();
    await noticed(world, 'not_kept');
    world.lock.turn('unlocked');
    await reported(world, 'unlocked');
    await refused(world);
    expect((await world.status()).state).toBe('up');
    await rm(filler);
    await world.change('backup');
    await world.pair(world.plug);
    await world.agents.at(-1)!.kill();
    await world.start();
    await world.up();
    expect(world.lock.paired && world.plug.paired).toBe(true);
  });

  test('is read-only: the network that runs lives on; a restart takes it as it is', async () => {
    const { world, partition } = await hub();
    await world.change('backup');
    await run('mount', ['-o', 'remount,ro', partition]);
    await expect(world.change('backup')).rejects.toThrow();
    world.lock.turn('unlocked');
    await reported(world, 'unlocked');
    await refused(world);
    await run('mount', ['-o', 'remount,rw', partition]);
    await world.change('backup');
    await world.agents.at(-1)!.stop();
    await world.start();
    await world.up();
    expect(world.lock.paired).toBe(true);
  });
});
