import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRig } from '../hil/rig/rig.ts';
import { buildBundle, buildFloor } from './cost/bundle.ts';
import { memoryOf } from './cost/proc.ts';
import { EIGHT_PERIPHERALS, type Run, runAgent, runFloor } from './cost/processes.ts';
import { shown, spreadOf } from './cost/spread.ts';
import { readOptions } from './options.ts';

/** Resident memory beside the floor's. */
const RSS_TARGET = 1.15;
/** RSS after `LOAD_COMMANDS`, MB. */
const LOAD_TARGET_MB = 75;
const LOAD_COMMANDS = 1_000;
/** Beyond the recorded ratio by this factor, the build fails. */
const TOLERANCE = 1.1;
const BUDGET = join(import.meta.dirname, 'budget.json');

const USAGE = `usage: npm run bench -- footprint [--json] [--runs N] [--settle SECONDS] [--commands N] [--judge]

Memory and start of the built bundle with the unit's own Node options, online with eight peripherals polled at 115200 baud. Beside it the floor:
the smallest bundled program that holds the same SDK connection with its shadow client, on the same Node without options. Builds the bundle. The
agent of the last run then answers --commands commands. Times are printed, not judged: they depend on the machine.
--judge: the exit code is 1 only when the ratio of the resident memory is more than 10 % beyond the one in test/bench/budget.json.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const round = (value: number, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;

function table(agent: readonly Run[], floor: readonly Run[]): void {
  say('| median (min … max) | agent | floor |');
  say('|---|---|---|');
  const row = (what: string, key: keyof Run, digits = 1) => {
    const cells = [agent, floor].map((runs) => shown(spreadOf(runs.map((run) => run[key])), digits));
    say(`| ${what} | ${cells.join(' | ')} |`);
  };
  row('resident, MB', 'rssMB');
  row('proportional, MB', 'pssMB');
  row('private, MB', 'privateMB');
  row('start to online in the shadow, or to the CONNACK, ms', 'startMs', 0);
  row('processor until then, ms', 'startCpuMs', 0);
}

/** `npm run bench -- footprint [--json]`. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { judge: false, runs: '5', settle: '10', commands: String(LOAD_COMMANDS) });
  if (values === null) return 0;
  const runs = Number(values.runs);
  const settleMs = Number(values.settle) * 1000;
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  const folder = await mkdtemp(join(tmpdir(), 'hub-floor-'));
  const agent: Run[] = [];
  const floor: Run[] = [];
  let loadRssMB: number | null = null;
  try {
    const program = await buildFloor(folder);
    await using rig = await createRig({ peripherals: EIGHT_PERIPHERALS, addresses: ['0-7'] });
    const load = async (pid: number) => {
      // An argument that the command ignores makes each of them a command of its own.
      for (let index = 0; index < Number(values.commands); index += 1) await rig.run('server_info', { index });
      loadRssMB = memoryOf(pid).rssMB;
    };
    for (let index = 0; index < runs; index += 1) {
      floor.push(await runFloor(rig, program, { settleMs }));
      const isLast = index === runs - 1 && Number(values.commands) > 0;
      agent.push(await runAgent(rig, bundle, { settleMs, peripherals: EIGHT_PERIPHERALS.length, ...(isLast && { work: load }) }));
      if (index === 0) await rig.provision();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  table(agent, floor);
  const median = (of: readonly Run[], key: keyof Run) => round(spreadOf(of.map((each) => each[key])).median);
  const memory = (of: readonly Run[]) => ({ rssMB: median(of, 'rssMB'), pssMB: median(of, 'pssMB'), privateMB: median(of, 'privateMB') });
  const rssRatio = round(median(agent, 'rssMB') / median(floor, 'rssMB'), 3);
  const timeRatio = round(median(agent, 'startMs') / median(floor, 'startMs'), 2);
  if (loadRssMB !== null) say(`resident after ${values.commands} commands: ${loadRssMB} MB (target ${LOAD_TARGET_MB})`);
  const budget = JSON.parse(await readFile(BUDGET, 'utf8')) as { rssRatio: number };
  say(`resident: ${rssRatio} times the floor (recorded: ${budget.rssRatio}); start: ${timeRatio} times`);
  if (values.json) {
    say(
      JSON.stringify({
        agent: { ...memory(agent), onlineMs: median(agent, 'startMs'), onlineCpuMs: median(agent, 'startCpuMs') },
        floor: { ...memory(floor), connackMs: median(floor, 'startMs'), connackCpuMs: median(floor, 'startCpuMs') },
        rssRatio,
        timeRatio,
        loadRssMB,
      }),
    );
  }
  if (!values.judge) return rssRatio <= RSS_TARGET && (loadRssMB ?? 0) <= LOAD_TARGET_MB ? 0 : 1;
  if (rssRatio <= budget.rssRatio * TOLERANCE) return 0;
  process.stderr.write(
    `footprint: ${rssRatio} times the floor; test/bench/budget.json has ${budget.rssRatio}, and a tenth more is allowed\n`,
  );
  return 1;
}
