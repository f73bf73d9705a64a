import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRandom } from '../../support/random.ts';
import { runHubctl } from '../rig/hubctl.ts';
import { ONE_PERIPHERAL, startOnline, untilOnline, untilScanned } from '../rig/start.ts';

const SEED = 20_261_128;

/** What a power cut, a worn-out card or a slip of the hand makes of a file. */
const DAMAGES: Readonly<Record<string, (path: string, random: () => number) => Promise<void>>> = {
  'cut in the middle': async (path) => {
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length >> 1));
  },
  emptied: (path) => writeFile(path, ''),
  'filled with zeros': async (path) => writeFile(path, Buffer.alloc((await stat(path)).size)),
  'changed in one bit': async (path, random) => {
    const bytes = await readFile(path);
    bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    await writeFile(path, bytes);
  },
  'nested 30,000 deep': (path) => writeFile(path, '['.repeat(30_000) + ']'.repeat(30_000)),
  'a folder': async (path) => {
    await rm(path);
    await mkdir(path);
  },
};

test('With any file of the state directory damaged the agent comes up, online, and answers', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  await rig.claim();
  await rig.untilReported('the claim', ({ claim }) => claim !== undefined);
  await rig.run('get_nodes');
  expect(await agent.stop()).toBe(0);

  const state = join(rig.folder, 'state');
  const good = join(rig.folder, 'good-state');
  await cp(state, good, { recursive: true });
  const files = (await readdir(good, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThanOrEqual(4);

  const random = createRandom(SEED).unit;
  const damages = Object.entries(DAMAGES);
  // Every damage done to all files at once, then each file alone with one of them.
  const trials = [
    ...damages.map(([damage, inflict]) => ({ what: `all files ${damage}`, inflict, damaged: files })),
    ...files.map((file, index) => {
      const [damage, inflict] = damages[index % damages.length]!;
      return { what: `${file.name} ${damage}`, inflict, damaged: [file] };
    }),
  ];
  for (const { what, inflict, damaged } of trials) {
    await rm(state, { recursive: true });
    await cp(good, state, { recursive: true });
    for (const { name, parentPath } of damaged) await inflict(join(parentPath.replace(good, state), name), random);
    const before = String(rig.reported().session);
    const next = rig.startAgent();
    await untilOnline(rig, before);
    const where = `${what}, seed ${SEED}`;
    expect(await rig.run('server_info'), where).toMatchObject({ status: 'SUCCEEDED' });
    const { terminal } = await runHubctl(rig, 'status --json');
    expect((terminal.json() as { agent: { faults: unknown[] } }).agent.faults, where).toEqual([]);
    expect(await next.stop(), where).toBe(0);
  }
});
