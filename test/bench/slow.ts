import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRig } from '../hil/rig/rig.ts';
import { buildBundle, buildFloor } from './cost/bundle.ts';
import { EIGHT_PERIPHERALS, startAgent, startFloor, untilFound } from './cost/processes.ts';
import { slowDown } from './cost/slow-down.ts';
import { shown, spreadOf } from './cost/spread.ts';
import { readOptions } from './options.ts';

/** What a slow SoC has of this machine's core. */
const SHARE = 0.2;
const COMMANDS_PER_RUN = 10;

const USAGE = `usage: npm run bench -- slow [--json] [--runs N] [--share 0.2]

Start to online in the shadow, and server_info from the API's POST to SUCCEEDED, of the built bundle with the unit's own Node options while its process
runs for a share of the time only (SIGSTOP and SIGCONT), as on a slow SoC; beside it the floor's CONNACK. Builds the bundle.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** `npm run bench -- slow [--json]`. Resolves with the exit code: it has no target, and fails only where something does not come at all. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { runs: '5', share: String(SHARE) });
  if (values === null) return 0;
  const share = Number(values.share);
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  const folder = await mkdtemp(join(tmpdir(), 'hub-floor-'));
  const onlineMs: number[] = [];
  const connackMs: number[] = [];
  const commandMs: number[] = [];
  try {
    const program = await buildFloor(folder);
    await using rig = await createRig({ peripherals: EIGHT_PERIPHERALS, addresses: ['0-7'] });
    await rig.provision();
    for (let index = 0; index < Number(values.runs); index += 1) {
      let release = () => {};
      const onStart = (pid: number) => {
        release = slowDown(pid, share);
      };
      const floor = await startFloor(rig, program, { onStart });
      release();
      connackMs.push(floor.startMs);
      await floor.stop();
      const agent = await startAgent(rig, bundle, { onStart });
      onlineMs.push(agent.startMs);
      await untilFound(rig, EIGHT_PERIPHERALS.length);
      for (let command = 0; command < COMMANDS_PER_RUN; command += 1) {
        const beganMs = performance.now();
        await rig.run('server_info', { index, command });
        commandMs.push(performance.now() - beganMs);
      }
      release();
      await agent.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const [online, connack, command] = [onlineMs, connackMs, commandMs].map((each) => spreadOf(each.map(Math.round)));
  say(
    `with ${share} of a core, ms, median (min … max): online ${shown(online!, 0)}, the floor's CONNACK ${shown(connack!, 0)}, server_info ${shown(command!, 0)}`,
  );
  const ratio = Math.round((online!.median / connack!.median) * 100) / 100;
  if (values.json) say(JSON.stringify({ share, onlineMs: online, connackMs: connack, commandMs: command, ratio }));
  return 0;
}
