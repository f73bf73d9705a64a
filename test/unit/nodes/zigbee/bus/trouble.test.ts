import { expect, test } from 'vitest';
import { ProcessFailure } from '../../../../../agent/nodes/zigbee/process/process.ts';
import { LOCK, SENSOR } from '../samples.ts';
import { BUS, createRig, lockFacts } from './rig.ts';

/** A bus that has paired a lock, and was stopped. */
async function pairedAndStopped(options: Parameters<typeof createRig>[0] = {}) {
  const rig = createRig(options);
  rig.bus.start();
  await rig.up();
  await rig.pair();
  await rig.stop();
  return rig;
}

const unavailable = (rig: ReturnType<typeof createRig>) => rig.log.lines.filter(({ event }) => event === 'bus_unavailable');

test.each(['record', 'database', 'backup'] as const)(
  'a %s that belongs to another user stops the start, with the command that mends it, and all is there afterwards',
  async (name) => {
    const first = await pairedAndStopped();
    const { files, library, clock } = first;
    const before = new Map(files.content);
    const [starts, asked] = [library.starts, library.asked.length];
    files.denied.add(first.places[name]);

    const rig = createRig({ files, clock, processes: library });
    rig.bus.start();
    await clock.until(() => rig.state() === 'unavailable', 5_000);
    expect(rig.bus.status().error).toMatchObject({ reason: 'storage', message: expect.stringContaining('sudo chown') });
    expect(rig.bus.status().error!.message).toContain(first.places[name]);
    await clock.advance(600_000);
    // The stick is not even looked at.
    expect(library.asked.slice(asked)).toEqual([]);
    expect(library.starts - starts).toBeLessThan(30);
    expect(files.content).toEqual(before);

    files.denied.clear();
    await clock.until(() => rig.state() === 'up', 120_000);
    await clock.advance(200);
    expect(library.paired).toEqual([LOCK]);
    expect(rig.network.status()).toMatchObject({ stage: 'formed', problem: null });
    await clock.settle(rig.bus.stop(), 3_000);
  },
);

test('what fails the same way for hours is logged again, ever more rarely, and the status has the attempts and the next one', async () => {
  const rig = createRig();
  rig.library.instead = ({ do: what }) => (what === 'look' ? new ProcessFailure('silent', 'no answer') : undefined);
  rig.bus.start();
  await rig.clock.until(() => rig.state() === 'unavailable', 5_000);
  expect(unavailable(rig)).toHaveLength(1);
  await rig.clock.advance(10 * 60_000);
  const soon = unavailable(rig).length;
  expect(soon).toBeGreaterThanOrEqual(3);
  expect(soon).toBeLessThanOrEqual(5);
  const { attempts, nextAttemptSeconds } = rig.network.status();
  expect(attempts).toBeGreaterThan(10);
  expect(unavailable(rig).at(-1)!.attempts).toBeLessThanOrEqual(attempts!);
  expect(nextAttemptSeconds === null || nextAttemptSeconds! <= 60).toBe(true);
  await rig.clock.advance(24 * 3_600_000);
  expect(unavailable(rig).length - soon).toBeGreaterThanOrEqual(20);
  expect(unavailable(rig).length - soon).toBeLessThanOrEqual(30);

  rig.library.instead = () => undefined;
  await rig.up(120_000);
  expect(rig.network.status()).toMatchObject({ attempts: 0, nextAttemptSeconds: null });
  await rig.stop();
});

test('a network that goes down is told with what was learnt since the start', async () => {
  const rig = createRig();
  rig.bus.start();
  await rig.up();
  await rig.pair();
  rig.library.tell({ kind: 'device', device: lockFacts({ address: SENSOR }) });
  const { network } = rig.network.status();
  rig.pull();
  await rig.clock.until(() => rig.state() === 'unavailable', 5_000);
  expect(rig.network.status()).toMatchObject({ stage: 'formed', devices: 2, network });
  expect(() => rig.network.form(0)).toThrow('2 devices');
  await rig.stop();
});

test.each<[string, (rig: ReturnType<typeof createRig>) => void]>([
  ['its stick', ({ pull }) => pull()],
  ['its library', ({ library }) => Object.assign(library, { instead: () => new ProcessFailure('library_missing', 'not installed') })],
])('a network without %s is told as it is on the disk, with the number of its devices', async (_, arrange) => {
  const first = await pairedAndStopped();
  const rig = createRig({ files: first.files });
  arrange(rig);
  rig.bus.start();
  await rig.clock.until(() => rig.state() === 'unavailable', 5_000);
  const { network } = first.network.status();
  expect(rig.network.status()).toMatchObject({ stage: 'formed', devices: 1, network });
  expect(() => rig.network.form(0)).toThrow('1 devices');
  await rig.stop();
});

test.each(['zstack', 'ember'] as const)(
  'a bus of a %s stick that is given another id forms nothing, and says which id it had',
  async (adapter) => {
    const first = await pairedAndStopped({ adapter });
    const { files, library, clock } = first;
    const before = new Map(files.content);
    const starts = library.asked.filter(({ do: what }) => what === 'start').length;

    const rig = createRig({ id: 'renamed', adapter, files, clock, processes: library });
    rig.bus.start();
    await clock.until(() => rig.state() === 'unavailable', 5_000);
    expect(rig.bus.status().error).toMatchObject({ reason: 'network', message: expect.stringContaining(`"id": "${BUS}"`) });
    await clock.advance(600_000);
    expect(files.content).toEqual(before);
    expect(library.asked.filter(({ do: what }) => what === 'start')).toHaveLength(starts);
    expect(() => rig.network.form(0)).toThrow('1 devices');
    await clock.settle(rig.bus.stop(), 3_000);

    const back = createRig({ adapter, files, clock, processes: library });
    back.bus.start();
    await clock.until(() => back.state() === 'up', 5_000);
    expect(back.network.status()).toMatchObject({ stage: 'formed' });
    await clock.settle(back.bus.stop(), 3_000);
  },
);

test('a stopped bus waits for no attempt', async () => {
  const rig = createRig();
  rig.library.instead = ({ do: what }) => (what === 'look' ? new ProcessFailure('silent', 'no answer') : undefined);
  rig.bus.start();
  await rig.clock.advance(60_000);
  await rig.stop();
  expect(rig.network.status()).toMatchObject({ state: 'stopped', attempts: 0, nextAttemptSeconds: null });
});

test('another program on the port is told by what the process found, not by the words of its error', async () => {
  const rig = createRig();
  rig.library.instead = ({ do: what }) => (what === 'look' ? new ProcessFailure('failed', 'Cannot lock port: busy') : undefined);
  rig.bus.start();
  await rig.clock.until(() => rig.state() === 'unavailable', 5_000);
  expect(rig.bus.status().error).toMatchObject({ reason: 'failed' });
  rig.library.instead = ({ do: what }) =>
    what === 'look' ? new ProcessFailure('in_use', '/dev/x is in use by another program') : undefined;
  await rig.clock.until(() => rig.bus.status().error?.reason === 'locked', 60_000);
  await rig.stop();
});

test('a stick that goes while it is looked at is missing, whatever the process says', async () => {
  const rig = createRig();
  rig.library.instead = ({ do: what }) => {
    if (what === 'look') rig.pull();
    return what === 'look' ? new ProcessFailure('port', 'No such device') : undefined;
  };
  rig.bus.start();
  await rig.clock.until(() => rig.state() === 'unavailable', 5_000);
  expect(rig.bus.status().error).toMatchObject({ reason: 'missing' });
  await rig.stop();
});

test('a backup whose frame counter jumped is made again soon, and is no trouble of the disk', async () => {
  const rig = createRig();
  rig.bus.start();
  await rig.up();
  await rig.pair();
  const { library, clock, network, log } = rig;
  const doubts = () => log.events().filter((event) => event === 'zigbee_backup_doubtful').length;
  const saves = () => library.asked.filter(({ do: what }) => what === 'save').length;
  const { savedAt } = network.status();
  library.frameCounter = 3e9;
  await expect(clock.settle(network.backup(), 1_000)).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('jumped'),
  });
  expect(network.status()).toMatchObject({ savedAt, notices: [], state: 'up' });
  expect(doubts()).toBe(1);
  await clock.advance(15_000);
  expect(network.status().savedAt).toBeGreaterThan(savedAt!);
  expect(await clock.settle(network.backup(), 1_000)).toMatchObject({ devices: 1 });

  // One that stays doubtful is tried ever more rarely, and logged once.
  const before = saves();
  library.instead = ({ do: what }) => {
    if (what === 'save') library.frameCounter = library.frameCounter > 3.5e9 ? 3.2e9 : 4e9;
    return undefined;
  };
  await clock.advance(2 * 3_600_000);
  expect(saves() - before).toBeLessThan(25);
  expect(doubts()).toBe(2);
  await rig.stop();
});
