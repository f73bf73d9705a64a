import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRig, type Rig } from '../hil/rig/rig.ts';
import { buildBundle, buildFloor } from './cost/bundle.ts';
import { startAgent, startFloor, untilFound } from './cost/processes.ts';
import { quantile } from './cost/spread.ts';
import { readOptions } from './options.ts';

/** Every address of a line. */
const ALL_PERIPHERALS = Array.from({ length: 127 }, (_, address) => ({ address, turnaround: 2 }));
/** Milliseconds from one command to the next. */
const PACES = { human: 1_000, tenPerSecond: 100 } as const;
type Pace = keyof typeof PACES;
const COMMANDS = ['get_nodes', 'server_info'] as const;
/** What the agent may add of its own, and the whole beside the echo. */
const AGENT_P99_TARGET_MS = 5;
const RATIO_TARGET = 2;

const USAGE = `usage: npm run bench -- latency [--json] [--count N]

From the API's POST to SUCCEEDED in the shadow, for get_nodes with 127 nodes and for server_info, at a human pace (1 a second) and at 10 a second;
--count commands each (default 100). Beside it the agent's own part, from the delta that leaves the broker to the report that reaches it, and an echo:
a program on the same connection that answers with as many messages, and does nothing else. Builds the bundle.
`;

interface Sample {
  wholeMs: number;
  ownMs: number;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const round = (value: number) => Math.round(value * 10) / 10;

/** Sends commands one after the other, and times each. */
async function measure(rig: Rig, command: string, pace: Pace, count: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  let deltaMs = Number.NaN;
  let reportMs = Number.NaN;
  const end = rig.onMessage(({ topic, clientId, payload }) => {
    if (topic.endsWith('/shadow/update/delta') && payload.includes('"command"')) deltaMs = performance.now();
    if (topic.endsWith('/shadow/update') && clientId === rig.hubId && payload.includes('"SUCCEEDED"')) reportMs = performance.now();
  });
  for (let index = 0; index < count; index += 1) {
    const beganMs = performance.now();
    // An argument that the command ignores makes each of them a command of its own.
    await rig.run(command, { pace, index });
    samples.push({ wholeMs: performance.now() - beganMs, ownMs: reportMs - deltaMs });
    await sleep(Math.max(0, PACES[pace] - (performance.now() - beganMs)));
  }
  end();
  return samples;
}

async function measureAll(rig: Rig, count: number): Promise<{ command: string; pace: Pace; samples: Sample[] }[]> {
  const cases = [];
  for (const command of COMMANDS)
    for (const pace of Object.keys(PACES) as Pace[]) cases.push({ command, pace, samples: await measure(rig, command, pace, count) });
  return cases;
}

/** `npm run bench -- latency [--json]`. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { count: '100' });
  if (values === null) return 0;
  const count = Number(values.count);
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  const folder = await mkdtemp(join(tmpdir(), 'hub-echo-'));
  let echo: Awaited<ReturnType<typeof measureAll>>;
  let agent: typeof echo;
  try {
    const program = await buildFloor(folder, 'echo');
    await using rig = await createRig({ peripherals: ALL_PERIPHERALS });
    await rig.provision();
    const echoing = await startFloor(rig, program);
    await rig.untilReported('the echo', ({ session }) => session === 'echo');
    echo = await measureAll(rig, count);
    await echoing.stop();
    const running = await startAgent(rig, bundle);
    await untilFound(rig, ALL_PERIPHERALS.length);
    agent = await measureAll(rig, count);
    await running.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const cases = agent.map(({ command, pace, samples }, index) => {
    const of = (key: keyof Sample, from: readonly Sample[], q: number) =>
      round(
        quantile(
          from.map((sample) => sample[key]),
          q,
        ),
      );
    const echoP50Ms = of('wholeMs', echo[index]!.samples, 0.5);
    const p50Ms = of('wholeMs', samples, 0.5);
    return {
      command,
      pace,
      p50Ms,
      p99Ms: of('wholeMs', samples, 0.99),
      agentP50Ms: of('ownMs', samples, 0.5),
      agentP99Ms: of('ownMs', samples, 0.99),
      echoP50Ms,
      echoOwnP50Ms: of('ownMs', echo[index]!.samples, 0.5),
      ratio: Math.round((p50Ms / echoP50Ms) * 100) / 100,
    };
  });
  say('| command | pace | p50 ms | p99 ms | own part p50 | own part p99 | echo p50 | echo, own part | ratio |');
  say('|---|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const each of cases) say(`| ${Object.values(each).join(' | ')} |`);
  if (values.json) say(JSON.stringify({ cases }));
  return cases.every(({ agentP99Ms, ratio }) => agentP99Ms < AGENT_P99_TARGET_MS && ratio <= RATIO_TARGET) ? 0 : 1;
}
