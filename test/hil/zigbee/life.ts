import { addressOf } from '../rig/zigbee.ts';
import { agentOf, resumes, type Scenario, tells } from './scenario.ts';
import type { ZigbeeWorld } from './world.ts';

async function tookMs(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** From the first byte on the port to the network that is up: the bus's own time, without the start of the processes. */
async function resumeMs(world: ZigbeeWorld): Promise<number> {
  let firstMs: number | null = null;
  const stop = world.stick.coordinator.onFrame(() => {
    firstMs ??= performance.now();
  });
  await world.start();
  await world.up();
  stop();
  return performance.now() - firstMs!;
}

const killLibrary = async (world: ZigbeeWorld): Promise<void> => void process.kill((await world.status()).pid!, 'SIGKILL');

/** The network goes down for one of these reasons. */
const goesDown = (world: ZigbeeWorld, ...reasons: string[]) => Promise.any(reasons.map((reason) => world.unavailable(reason)));

const SYS_NV_READ = 0x2133;

const life = (name: string, run: Scenario['run']): Scenario => ({ name: `life: ${name}`, run });

/** Pulls the stick in this way; the loss is seen, and it heals when the stick is back. */
const pulled = (name: string, times: number, pull: (world: ZigbeeWorld) => Promise<void>): Scenario =>
  life(name, async (world) => {
    let [yankDetectedMs, replugMs] = [0, 0];
    for (let round = 0; round < times; round += 1) {
      world.mark();
      await pull(world);
      yankDetectedMs = Math.max(yankDetectedMs, await tookMs(() => goesDown(world, 'lost', 'missing')));
      await world.stick.replug();
      replugMs = Math.max(replugMs, await tookMs(() => world.up()));
    }
    return { yankDetectedMs, replugMs };
  });

/** Has the lock leave and pair again; what disturbs comes when the coordinator has just let it in, or while its interview runs. */
const disturbedJoin = (name: string, when: 'joined' | 'interview_started', disturb: (world: ZigbeeWorld) => Promise<void>): Scenario =>
  life(name, async (world) => {
    const { lock } = world;
    const left = agentOf(world).waitFor('zigbee_left', { since: agentOf(world).lines.length });
    lock.leave();
    await left;
    const joining = await world.openJoining();
    lock.join();
    await joining.until(when, addressOf(lock));
    joining.close();
    world.mark();
    await disturb(world);
    await world.up();
    // Who stands before the lock pairs it once more.
    await world.pair(lock);
    return undefined;
  });

/** What a hub's years bring: the agent, its library and the stick go and come. */
export const LIFE: readonly Scenario[] = [
  life('the agent is restarted', async (world) => {
    await agentOf(world).stop();
    return { resumeMs: await resumeMs(world) };
  }),
  life('the agent is killed', async (world) => {
    await agentOf(world).kill();
    await resumes(world);
    return undefined;
  }),
  life('the library is killed', async (world) => {
    world.mark();
    await killLibrary(world);
    await goesDown(world, 'failed', 'lost');
    await world.up();
    return undefined;
  }),
  pulled('the stick is pulled, and plugged in again, and again', 5, ({ stick }) => stick.yank()),
  pulled('the stick is pulled while frames come in', 3, ({ stick }) => stick.yankAmidTraffic()),
  life('the stick is missing at the start, and comes', async (world) => {
    await agentOf(world).stop();
    await world.stick.yank();
    await world.start();
    await world.unavailable('missing');
    await world.stick.replug();
    await world.up();
    return undefined;
  }),
  life('another program holds the port, and lets go', async (world) => {
    await agentOf(world).stop();
    const release = await world.stick.lock();
    await world.start();
    await world.unavailable('locked');
    await release();
    await world.up();
    return undefined;
  }),
  life('the stick is silent at the start, and wakes up', async (world) => {
    await agentOf(world).stop();
    world.stick.coordinator.silent = true;
    await world.start();
    await world.unavailable('silent');
    world.stick.coordinator.silent = false;
    await world.up();
    return undefined;
  }),
  life('the stick falls silent, and wakes up', async (world) => {
    world.mark();
    world.stick.coordinator.silent = true;
    await world.unavailable('silent');
    world.stick.coordinator.silent = false;
    await world.up();
    return undefined;
  }),
  life('the stick resets by itself', async (world) => {
    world.mark();
    world.stick.coordinator.reset();
    await world.unavailable('reset');
    await world.up();
    await tells(world, 'coordinator_reset');
    return undefined;
  }),
  disturbedJoin('the agent is killed when a device has joined', 'joined', async (world) => {
    await agentOf(world).kill();
    await world.start();
  }),
  disturbedJoin('the library is killed in the middle of an interview', 'interview_started', killLibrary),
  disturbedJoin('the stick is pulled in the middle of an interview', 'interview_started', async ({ stick }) => {
    await stick.yank();
    await stick.replug();
  }),
  life('a lock is reset without leaving, and pairs again', async (world) => {
    const { lock } = world;
    await world.pair(lock);
    for (const state of ['unlocked', 'locked'] as const) {
      lock.turn(state);
      await world.untilNodes(state, (nodes) => JSON.stringify(nodes).includes(`"lock":{"value":"${state}"`));
    }
    return undefined;
  }),
  life('the agent is killed while it saves', async (world) => {
    // For a backup the library reads the whole flash: in the middle of it.
    const amid = world.untilFrames(SYS_NV_READ, 40);
    const saving = world.change('backup').catch(() => {});
    await amid;
    await agentOf(world).kill();
    await saving;
    await resumes(world);
    return undefined;
  }),
];
