import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRig } from '../hil/rig/rig.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Nobody notices that a tool has to start. */
const TARGET_MS = 200;

const USAGE = `usage: npm run bench -- hubctl [--json] [--runs N]

Starts the built hubctl (npm run build) again and again, against a running agent, and measures until it has ended. The target is for the fastest run:
others share the machine.
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

/** Measures the start of hubctl. Resolves with the exit code. */
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
  process.stdout.write(`${JSON.stringify({ benchmark: 'hubctl', targetMs: TARGET_MS, figures })}\n`);
  return statusMs < TARGET_MS ? 0 : 1;
}
