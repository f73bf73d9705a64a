import { rmSync } from 'node:fs';
import { lstat, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createRandom } from '../../support/random.ts';
import { encodeMt } from '../../twins/zigbee-coordinator/frame.ts';
import { addressOf } from '../rig/zigbee.ts';
import { FILE, pathOf, restores, tells } from './scenario.ts';
import { createZigbeeWorld, type ZigbeeWorld } from './world.ts';

const SYS_VERSION = 0x2102;

/** What a coordinator says unasked (Z-Stack Monitor and Test API): a reset, messages, announcements, joins, leaves. */
const UNASKED = [0x4180, 0x4481, 0x45c1, 0x45c9, 0x45ca, 0x45ff, 0x4582, 0x4480, 0x45c0];

describe('a hub with a lock', () => {
  let opened = new AsyncDisposableStack();
  afterEach(async () => {
    await opened.disposeAsync();
    opened = new AsyncDisposableStack();
  });

  async function hub(): Promise<ZigbeeWorld> {
    const world = opened.use(await createZigbeeWorld());
    await world.start();
    await world.up();
    await world.pair(world.lock);
    await world.change('backup');
    return world;
  }

  const reports = async (world: ZigbeeWorld) => {
    for (const state of ['unlocked', 'locked'] as const) {
      world.lock.turn(state);
      await world.untilNodes(state, (nodes) => JSON.stringify(nodes).includes(`"lock":{"value":"${state}"`));
    }
  };

  test('whose library forms another network all the same raises the alarm, keeps the copies, and has its network back', async () => {
    const world = await hub();
    const { rig, stick, lock } = world;
    const was = stick.coordinator.network()!;
    await world.agents.at(-1)!.stop();
    // Between the look at the stick and the library's own: what it is told then, the agent cannot know.
    let looks = 0;
    const stop = stick.coordinator.onFrame((direction, { command }) => {
      if (direction !== 'in' || command !== SYS_VERSION) return;
      looks += 1;
      if (looks !== 2) return;
      rmSync(pathOf(world, FILE.backup));
      stick.coordinator.carryAnotherNetwork({});
    });
    await world.start();
    await world.agents.at(-1)!.waitFor('zigbee_network_lost', { timeoutMs: 60_000 });
    stop();
    await rig.untilReported('the alarm', ({ alarms }) => JSON.stringify(alarms ?? null).includes('network_lost'));
    await expect.poll(async () => (await world.status()).problem?.reason, { timeout: 60_000 }).toBe('network');
    expect((await world.status()).stage).toBe('lost');
    await restores(world);
    expect(stick.coordinator.network()).toMatchObject({ panId: was.panId, extendedPanId: was.extendedPanId, key: was.key });
    expect(lock.paired).toBe(true);
    // It is told for a day that it stood.
    const isOver = ({ kind, until }: { kind: string; until?: number }) => kind === 'network_lost' && until !== undefined;
    await rig.untilReported('the end of the alarm', ({ alarms }) => (alarms as { kind: string; until?: number }[]).some(isOver));
    await reports(world);
  });

  test('whose stick sends nonsense keeps its network and its lock', { timeout: 300_000 }, async () => {
    const world = await hub();
    const { stick, lock } = world;
    const seed = 20_261_128;
    const random = createRandom(seed);
    const was = stick.coordinator.network();
    for (let frame = 0; frame < 400; frame += 1) {
      const data = Buffer.from(random.bytes(random.byte() % 120));
      const command = random.chance(0.7) ? UNASKED[random.byte() % UNASKED.length]! : (random.byte() << 8) | random.byte();
      stick.garble(random.chance(0.2) ? Buffer.concat([Buffer.from([0xfe]), data]) : encodeMt({ command, data }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // A half frame at the end: what follows is lost, until the reader has found its place again.
    stick.garble(Buffer.from([0xfe, 0x40, 0x44]));
    const saved = () =>
      world.change('backup').then(
        () => true,
        () => false,
      );
    await expect.poll(saved, { timeout: 200_000, interval: 1_000, message: `seed ${seed}` }).toBe(true);
    expect(stick.coordinator.network()).toEqual(was);
    expect(lock.paired).toBe(true);
    await reports(world);
  });

  test('that reports twenty times a second makes no storm of messages', async () => {
    const world = await hub();
    const { rig, lock } = world;
    let published = 0;
    const stops = ['#', '$aws/#'].map((filter) =>
      rig.iotCore.onMessage(filter, ({ clientId }) => {
        if (clientId === rig.hubId) published += 1;
      }),
    );
    for (let turn = 0; turn < 100; turn += 1) {
      lock.turn(turn % 2 === 0 ? 'unlocked' : 'locked');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const stop of stops) stop();
    expect(published).toBeLessThan(10);
    await reports(world);
  });

  test('whose database was made a link is put back from the copy, and what the link leads to is as it was', async () => {
    const world = await hub();
    await world.agents.at(-1)!.stop();
    const target = join(world.rig.folder, 'target');
    await writeFile(target, 'not yours');
    await rm(pathOf(world, FILE.database));
    await symlink(target, pathOf(world, FILE.database));
    await world.start();
    await world.up();
    await tells(world, 'database_mended');
    expect(await readFile(target, 'utf8')).toBe('not yours');
    expect((await lstat(pathOf(world, FILE.database))).isFile()).toBe(true);
    expect(await world.nodes()).toMatchObject([{ address: addressOf(world.lock) }]);
  });

  test('and three hundred devices more in its database tells them all', { timeout: 300_000 }, async () => {
    const world = await hub();
    await world.agents.at(-1)!.stop();
    const path = pathOf(world, FILE.database);
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    const lock = JSON.parse(lines.find((line) => line.includes(addressOf(world.lock)))!) as Record<string, unknown>;
    const more = Array.from({ length: 300 }, (_, index) => {
      const ieeeAddr = `0x00158d00bb${index.toString(16).padStart(6, '0')}`;
      return JSON.stringify({ ...lock, id: 100 + index, nwkAddr: 2_000 + index, ieeeAddr });
    });
    await writeFile(path, [...lines, ...more].join('\n'));
    await world.start();
    await world.up();
    const { id } = await world.rig.run('get_nodes', {});
    const pageOf = (number: number) =>
      world.rig.until(`page ${number}`, () => world.rig.results.find((one) => one.id === id && one.page === number));
    const nodes: unknown[] = [];
    for (let number = 1, pages = 1; number <= pages; number += 1) {
      const page = await pageOf(number);
      pages = Number(page.pages);
      nodes.push(...(page.result as { nodes: unknown[] }).nodes);
    }
    expect(new Set(nodes.map((node) => (node as { nodeId: string }).nodeId)).size).toBe(301);
    await world.change('backup');
    expect((await world.status()).devices).toBe(301);
  });
});
