import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_RING_LINES } from '../../agent/control/log-ring.ts';
import { createRig, type Rig } from '../hil/rig/rig.ts';
import { createRandom } from '../support/random.ts';
import { buildBundle } from './cost/bundle.ts';
import { memoryOf } from './cost/proc.ts';
import { EIGHT_PERIPHERALS, startAgent, untilFound } from './cost/processes.ts';
import { type Slope, slopeOf } from './cost/slope.ts';
import { readOptions } from './options.ts';

const SAMPLE_MS = 1_000;
/** From one fault or command to the next: an hour of it is more than a hub sees in a year. */
const STEP_MS = 2_000;
/** A slope counts as growth when it is so many standard errors from zero, and more than its grain an hour. */
const SIGMA = 3;
const GRAINS = { rssMB: 1, heapMB: 0.3, timers: 1, handles: 1, listeners: 1 };
type Figure = keyof typeof GRAINS;
const FIGURES = Object.keys(GRAINS) as Figure[];
const PRELOAD = join(import.meta.dirname, 'cost', 'soak-preload.ts');

const USAGE = `usage: npm run bench -- soak [--json] [--minutes N] [--seed N]

The built bundle with the unit's own Node options for an hour, with a short keepalive and heartbeat, a command or a fault every two seconds: links that
are reset, kicked or fall silent, lost answers, refused connects, the serial port pulled and put back. The slope of memory, heap, timers, handles and
listeners must not be told from zero. The hour begins when the log that the agent keeps in memory is full, after about 40 minutes. Builds the bundle.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** One thing that happens to a hub. Each ends by itself, or is undone by a later one. */
const STEPS: readonly ((rig: Rig, index: number) => unknown)[] = [
  (rig, index) => rig.call('SendHubCommand', { command: 'server_info', args: { index } }),
  (rig, index) => rig.call('SendHubCommand', { command: 'get_nodes', args: { index } }),
  (rig, index) => rig.call('SendHubCommand', { command: 'get_nodes', args: { refresh: true, index } }),
  (rig, index) => rig.call('SendHubCommand', { command: 'no_such_command', args: { index } }),
  (rig) => rig.iotCore.faults.drop(rig.hubId),
  (rig) => rig.iotCore.faults.kick(rig.hubId),
  (rig) => rig.iotCore.faults.halfOpen(rig.hubId),
  (rig) => rig.iotCore.faults.loseShadowResponses(1),
  (rig) => rig.iotCore.faults.losePubacks(1),
  (rig) => rig.iotCore.faults.failShadowUpdates(1, 429),
  (rig) => rig.iotCore.faults.redeliverDelta(rig.hubId),
  async (rig) => {
    await rig.port!.yank();
    await sleep(STEP_MS);
    await rig.port!.replug();
  },
];

/** `npm run bench -- soak [--json]`. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { minutes: '60', seed: '1' });
  if (values === null) return 0;
  const hours = Number(values.minutes) / 60;
  const random = createRandom(Number(values.seed));
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  await using rig = await createRig({
    peripherals: EIGHT_PERIPHERALS,
    addresses: ['0-7'],
    iotCore: { limits: { minKeepAliveSeconds: 5 } },
    config: {
      cloud: {
        keepAliveSeconds: 5,
        allowShortKeepAlive: true,
        connect: { spreadSeconds: 0, maxBackoffMs: 4_000, maxUnreachableBackoffMs: 4_000 },
      },
      heartbeatMinutes: 0.05,
    },
  });
  await rig.provision();
  const file = join(rig.folder, 'soak.json');
  const env = { HUB_SOAK_FILE: file, NODE_OPTIONS: `--import=${PRELOAD}` };
  const { pid, agent, stop } = await startAgent(rig, bundle, { env, flags: ['--expose-gc'] });
  await untilFound(rig, EIGHT_PERIPHERALS.length);
  const samples: Record<Figure, number[]> = { rssMB: [], heapMB: [], timers: [], handles: [], listeners: [] };
  let over = false;
  let died: number | string | null = null;
  void agent.exited.then((code) => {
    died = code;
    over = true;
  });
  let steps = 0;
  const faults = (async () => {
    while (!over) {
      const step = STEPS[Math.floor(random.unit() * STEPS.length)]!;
      await step(rig, steps);
      steps += 1;
      await sleep(STEP_MS);
    }
  })();
  // Until the log that the agent keeps in memory has its full size, it is no leak that it grows.
  const warmingMs = performance.now();
  while (!over && agent.lines.length < MAX_RING_LINES) await sleep(SAMPLE_MS);
  const warmMinutes = (performance.now() - warmingMs) / 60_000;
  say(`the log in memory is full after ${warmMinutes.toFixed(1)} minutes and ${steps} commands and faults`);
  const endMs = performance.now() + hours * 3_600_000;
  while (!over && performance.now() < endMs) {
    await sleep(SAMPLE_MS);
    const inside = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Partial<Record<Figure, number>>;
    if (over || inside.heapMB === undefined) continue;
    samples.rssMB.push(memoryOf(pid).rssMB);
    for (const figure of ['heapMB', 'timers', 'handles', 'listeners'] as const) samples[figure].push(inside[figure]!);
  }
  const lived = died === null;
  over = true;
  await faults;
  if (lived) await stop();

  const slopes = Object.fromEntries(FIGURES.map((figure) => [figure, slopeOf(samples[figure], hours)])) as Record<Figure, Slope>;
  const grows = FIGURES.filter((figure) => slopes[figure].sigma > SIGMA && slopes[figure].perHour > GRAINS[figure]);
  say(`${steps} commands and faults, ${values.minutes} minutes measured, seed ${values.seed}${lived ? '' : `; the agent ended: ${died}`}`);
  say('| | at the end | an hour | standard errors from zero |');
  say('|---|---:|---:|---:|');
  for (const figure of FIGURES) {
    const { perHour, sigma } = slopes[figure];
    say(`| ${figure} | ${(samples[figure].at(-1) ?? Number.NaN).toFixed(1)} | ${perHour.toFixed(2)} | ${sigma.toFixed(1)} |`);
  }
  if (grows.length > 0) say(`grows: ${grows.join(', ')}`);
  if (values.json) say(JSON.stringify({ minutes: Number(values.minutes), warmMinutes, steps, lived, slopes, grows }));
  return lived && grows.length === 0 ? 0 : 1;
}
