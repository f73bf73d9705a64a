import { expect, test } from 'vitest';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createFakeCloud } from './fake-cloud.ts';
import { createRig, topics } from './rig.ts';

const COMMANDS: [string, object][] = [
  ['set_wifi_credentials', { ssid: 'Home', credentials: 'correct horse battery' }],
  ['get_nodes', { bus: 'rs485' }],
];

/** A hub's life on one disk: the commands come, and each runs at once. Runs are counted over all processes. */
function life(cut: { write: number; bytes: number } | null) {
  const cloud = createFakeCloud();
  const files = createMemoryFiles();
  const runs: string[] = [];
  return {
    cloud,
    files,
    runs,
    /** One process from its start to the moment nothing moves any more. */
    async process(commands: [string, object][]) {
      files.cut = cut;
      const rig = createRig({ cloud, files, quick: true });
      let started = false;
      void rig.service.start().then(() => {
        started = true;
      });
      await rig.settle();
      if (started) await rig.connect();
      for (const [command, args] of started ? commands : []) {
        cloud.nowSeconds += 1;
        await rig.send(command, args);
      }
      runs.push(...rig.runs.map(({ command }) => command));
      cloud.connected = false;
      return { started, rig };
    },
  };
}

test('the power goes at every byte of every write: the hub starts again, changes nothing twice and leaves nothing running', async () => {
  const whole = life(null);
  await whole.process(COMMANDS);
  const lengths = whole.files.writes.map(({ data }) => data.length);
  expect(whole.runs).toEqual(COMMANDS.map(([command]) => command));
  expect(lengths.length).toBeGreaterThan(6);
  for (const [write, length] of lengths.entries()) {
    for (let bytes = 0; bytes <= length; bytes += 1) {
      const where = `write ${write} cut after ${bytes} of ${length} bytes`;
      const hub = life({ write, bytes });
      await hub.process(COMMANDS);
      expect(hub.files.dead, where).toBe(true);
      const disk = createMemoryFiles(hub.files.content);
      const after = createRig({ cloud: hub.cloud, files: disk, quick: true });
      await after.service.start();
      await after.connect();
      const changes = [...hub.runs, ...after.runs.map(({ command }) => command)].filter((command) => command === 'set_wifi_credentials');
      expect(changes.length, where).toBeLessThanOrEqual(1);
      expect(after.cloud.desired, where).toEqual({});
      expect(after.cloud.lastCommand?.status, where).not.toBe('IN_PROGRESS');
      expect(
        after.service.entries().filter(({ stage }) => stage !== 'delivered'),
        where,
      ).toEqual([]);
    }
  }
});

test('a request of AWS IoT Commands, which stands nowhere to be read again, on a disk with atomic writes: what was run is answered, and nothing is run twice', async () => {
  const request = Buffer.from(
    JSON.stringify({ command: 'set_wifi_credentials', args: { ssid: 'Home', credentials: 'correct horse battery' } }),
  );
  const answers = (cloud: ReturnType<typeof createFakeCloud>) =>
    cloud.published.filter(({ topic }) => topic === topics.executionResponse('e-1')).length;
  async function first(cut: { write: number; bytes: number } | null) {
    const cloud = createFakeCloud();
    const files = createMemoryFiles();
    files.cut = cut;
    const rig = createRig({ cloud, files, quick: true });
    let started = false;
    void rig.service.start().then(() => {
      started = true;
    });
    await rig.settle();
    if (started) {
      await rig.connect();
      rig.service.request('e-1', request);
      await rig.settle();
    }
    cloud.connected = false;
    return { cloud, files, runs: rig.runs.length };
  }
  const whole = await first(null);
  expect([whole.runs, answers(whole.cloud)]).toEqual([1, 1]);
  for (const [write, { path, data }] of whole.files.writes.entries()) {
    for (const reached of ['the old content', 'the new content']) {
      const where = `write ${write} left ${reached}`;
      const hub = await first({ write, bytes: data.length });
      expect(hub.files.dead, where).toBe(true);
      if (reached === 'the old content') {
        const old = hub.files.writes.slice(0, write).findLast((each) => each.path === path);
        if (old) hub.files.content.set(path, old.data);
        else hub.files.content.delete(path);
      }
      const after = createRig({ cloud: hub.cloud, files: createMemoryFiles(hub.files.content), quick: true });
      await after.service.start();
      await after.connect();
      const runs = hub.runs + after.runs.length;
      expect(runs, where).toBeLessThanOrEqual(1);
      if (runs > 0) expect(answers(hub.cloud), where).toBeGreaterThanOrEqual(1);
      expect(
        after.service.entries().filter(({ stage }) => stage !== 'delivered'),
        where,
      ).toEqual([]);
    }
  }
});
