import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ASKING_THE_AGENT } from '../hil/rig/hubctl.ts';
import { createRig } from '../hil/rig/rig.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Nobody notices that a tool has to start. */
const TARGET_MS = 200;

/** Nobody in front of a terminal waits longer for an agent that hangs. */
const HELD_TARGET_MS = 5_000;
/** One after the other: more at a time would measure the machine. */
const HELD = [...ASKING_THE_AGENT, 'cloud ping', 'doctor --check agent,mqtt'];

const USAGE = `usage: npm run bench -- hubctl [--json] [--runs N]

Starts the built hubctl (npm run build) again and again, against a running agent, and measures until it has ended. The target is for the fastest run:
others share the machine. Then the agent is stopped in its tracks (SIGSTOP), and each command that asks it must end within ${HELD_TARGET_MS / 1000} s.
example: npm run bench -- hubctl --runs 30
`;

interface Figures {
  name: string;
  minMs: number;
  medianMs: number;
}

function measure(name: string, args: string[], runs: number): Figures {
  const wall: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const startMs = performance.now();
    spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    wall.push(performance.now() - startMs);
  }
  wall.sort((a, b) => a - b);
  return { name, minMs: Math.round(wall[0]!), medianMs: Math.round(wall[Math.floor(runs / 2)]!) };
}

/** How long each command is held by an agent that hangs, from the start of its process to the end. */
async function measureHeld(bundle: string, places: string[]): Promise<{ name: string; heldMs: number }[]> {
  const figures: { name: string; heldMs: number }[] = [];
  for (const name of HELD) {
    const startMs = performance.now();
    const child = spawn(process.execPath, [bundle, ...name.split(' '), ...places], { stdio: 'ignore' });
    await once(child, 'exit');
    figures.push({ name, heldMs: Math.round(performance.now() - startMs) });
  }
  return figures;
}

/** Measures the start of hubctl, and how long an agent that hangs holds it. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean' }, runs: { type: 'string', default: '20' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const bundle = join(ROOT, 'dist', process.arch === 'arm64' ? 'arm64' : 'amd64', 'hubctl.cjs');
  if (!existsSync(bundle)) {
    process.stderr.write('bench: build it first: npm run build\n');
    return 69;
  }
  await using rig = await createRig();
  const agent = rig.startAgent();
  await agent.waitFor('agent_started');
  const places = ['--config', join(rig.folder, 'etc', 'agent.json'), '--identity', join(rig.folder, 'etc', 'identity.json')];
  const runs = Number(values.runs);
  const figures = [
    measure('node alone', ['-e', '0'], runs),
    measure('--version', [bundle, '--version'], runs),
    measure('status', [bundle, 'status', ...places], runs),
    measure('nodes', [bundle, 'nodes', ...places], runs),
    measure('config check', [bundle, 'config', 'check', ...places], runs),
  ];
  if (!values.json)
    for (const { name, minMs, medianMs } of figures) process.stdout.write(`${name.padEnd(14)} min ${minMs} ms, median ${medianMs} ms\n`);
  const statusMs = figures.find(({ name }) => name === 'status')!.minMs;
  agent.pause();
  const held = await measureHeld(bundle, places);
  agent.resume();
  const heldMaxMs = Math.max(...held.map(({ heldMs }) => heldMs));
  if (!values.json) for (const { name, heldMs } of held) process.stdout.write(`${name.padEnd(26)} held ${heldMs} ms by a hung agent\n`);
  const report = { benchmark: 'hubctl', targetMs: TARGET_MS, figures, heldTargetMs: HELD_TARGET_MS, heldMaxMs, held };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return statusMs < TARGET_MS && heldMaxMs < HELD_TARGET_MS ? 0 : 1;
}
