import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { agentOf, FILE, pathOf, refuses, remove, restores, resumes, type Scenario } from './scenario.ts';
import type { ZigbeeWorld } from './world.ts';

/** Stops the agent, changes what it will find, and sees what it makes of it. */
const row = (name: string, run: (world: ZigbeeWorld) => Promise<void>): Scenario => ({
  name: `matrix: ${name}`,
  async run(world) {
    await agentOf(world).stop();
    await run(world);
    return undefined;
  },
});

/** What was refused is put right by hand: as it was before. */
async function andBack(world: ZigbeeWorld, putBack: () => Promise<void>): Promise<void> {
  await agentOf(world).stop();
  await putBack();
  await resumes(world);
}

/** Takes files away; resolves with how they come back. */
async function setAside(world: ZigbeeWorld, ...names: string[]): Promise<() => Promise<void>> {
  const aside = (name: string): string => join(world.rig.folder, 'stick', name);
  for (const name of names) await rename(pathOf(world, name), aside(name));
  return async () => {
    for (const name of names) await rename(aside(name), pathOf(world, name));
  };
}

/** Breaks a file in each of these ways; the network comes up from the copy each time. */
async function broken(world: ZigbeeWorld, name: string, ways: readonly ((text: string) => string)[], notice: string): Promise<void> {
  const file = pathOf(world, name);
  for (const way of ways) {
    await writeFile(file, way(await readFile(file, 'utf8')));
    await resumes(world, notice);
    await agentOf(world).stop();
  }
  await resumes(world);
}

/** What stick, files and configuration can be at a start (shared facts: the decision at start), and what the hub makes of each. */
export const MATRIX: readonly Scenario[] = [
  row('all agree', (world) => resumes(world)),
  row('the bus was given another id', async (world) => {
    const former = `${world.state}-before`;
    await rename(world.state, former);
    await refuses(world, new RegExp(`"id": "${basename(former)}"`));
    await andBack(world, async () => {
      // What the bus has under its new id is no network.
      await rm(world.state, { recursive: true, force: true });
      await rename(former, world.state);
    });
  }),
  row('no backup, the stick has the network', async (world) => {
    await remove(world, FILE.backup, FILE.backupCopy);
    await resumes(world, 'backup_missing');
  }),
  row('the backup is empty, cut, or of another kind: the copy is taken', (world) =>
    broken(world, FILE.backup, [() => '', () => '{}', () => 'null', (text) => text.slice(0, text.length / 2)], 'backup_from_copy'),
  ),
  row('the backup has other channels: the copy is taken', (world) =>
    broken(world, FILE.backup, [(text) => text.replace(/"channel_mask":\s*\[[^\]]*\]/, '"channel_mask":[11,15]')], 'backup_from_copy'),
  ),
  row('the database is empty, cut, zeros, or gone: the copy is taken', async (world) => {
    const ways = [() => '', (text: string) => text.slice(0, text.length / 2), (text: string) => '\0'.repeat(text.length)];
    await broken(world, FILE.database, ways, 'database_mended');
    await agentOf(world).stop();
    await remove(world, FILE.database);
    await resumes(world, 'database_mended');
  }),
  row('the record is lost, the backup is there: made again', async (world) => {
    await remove(world, ...FILE.records);
    await resumes(world, 'record_rebuilt');
  }),
  row('record and backup are lost, the stick has a network: refused', async (world) => {
    const back = await setAside(world, ...FILE.records, FILE.backup, FILE.backupCopy);
    await refuses(world, /form --replace/);
    await andBack(world, back);
  }),
  row('the stick has lost the network, the backup is there: written back', async (world) => {
    world.stick.coordinator.powerOff();
    world.stick.coordinator.loseNv();
    world.stick.coordinator.powerOn();
    await resumes(world, 'stick_was_blank');
  }),
  row('the stick has lost the network, and no backup is left: refused', async (world) => {
    const back = await setAside(world, FILE.backup, FILE.backupCopy);
    await world.insertAnother();
    await refuses(world, /no backup/);
    await andBack(world, async () => {
      await back();
      await world.insertOwn();
    });
  }),
  row('a new blank stick: refused, then restored by command', async (world) => {
    await world.insertAnother();
    await refuses(world, /zigbee restore/);
    await restores(world);
    world.adopt();
  }),
  row('a stick with another network: refused; the own stick resumes', async (world) => {
    await world.insertAnother();
    carry(world);
    await refuses(world, /another network/);
    await andBack(world, () => world.insertOwn());
  }),
  row('a stick with another network and no backup: refused', async (world) => {
    const back = await setAside(world, FILE.backup, FILE.backupCopy);
    await world.insertAnother();
    carry(world);
    await refuses(world, /another network/);
    await andBack(world, async () => {
      await back();
      await world.insertOwn();
    });
  }),
  row('a stick with another network: restored by command', async (world) => {
    await world.insertAnother();
    carry(world);
    await refuses(world, /zigbee restore/);
    await restores(world);
    world.adopt();
  }),
  row('a stick with the own ids and another key: refused', async (world) => {
    const { panId, extendedPanId, channel } = world.stick.coordinator.network()!;
    await world.insertAnother();
    carry(world, { panId, extendedPanId, channel, channelList: 1 << channel });
    await refuses(world, /another network/);
    await andBack(world, () => world.insertOwn());
  }),
  row('the stick was moved to another channel: refused, then moved back by command', async (world) => {
    world.stick.coordinator.moveTo(20);
    await refuses(world, /channel/);
    await restores(world);
  }),
  row('the configuration names another channel: the network stays where it is', async (world) => {
    await world.configure({ channel: 25 });
    await resumes(world, 'channel_ignored');
    await agentOf(world).stop();
    await world.configure({ channel: 15 });
    await resumes(world);
  }),
  row('the configuration names another kind of stick: refused', async (world) => {
    await world.configure({ adapter: 'ember' });
    await refuses(world, /adapter/);
    await agentOf(world).stop();
    await world.configure({ adapter: 'zstack' });
    await resumes(world);
  }),
];

function carry(world: ZigbeeWorld, network = {}): void {
  world.stick.coordinator.powerOff();
  world.stick.coordinator.carryAnotherNetwork(network);
  world.stick.coordinator.powerOn();
}
