import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOUND_MS } from './chaos/hub.ts';
import { type Tally, total } from './chaos/ledger.ts';
import { type ChaosOptions, type ChaosWorld, createChaosWorld } from './chaos/world.ts';
import { readOptions } from './options.ts';

/** The result; the last line of the output with `--json`. Times in milliseconds. */
export interface ChaosResult extends Tally {
  falseOffline: number;
  falseOnline: number;
  longestFalseMs: number;
  longestFalseOfflineMs: number;
  longestFalseOnlineMs: number;
  boundMs: number;
  faults: Record<string, number>;
  /** `tmpfs` or `rlimit`: how the full disk was made. */
  disk: string;
  agents: number;
  seconds: number;
  seed: number;
  ok: boolean;
}

const USAGE = `usage: npm run bench -- chaos [--json] [--commands 2000] [--seed 1] [--agents 24] [--keep]

Real agent processes against virtual IoT Cores, under faults that the seed draws: which faults, with what figures and in what order,
and which commands. When exactly each one strikes is the machine's business, so that two runs with one seed are alike, not equal.
Each hub has a broker and a shadow of its own. A shadow holds one command: the backend writes the next when the one before was taken.
--keep leaves the record of every hub, not only of a run that failed.
`;
/** As a shell says it of a command that was ended by SIGINT. */
const EX_INTERRUPTED = 130;
const DEFAULTS = { commands: '2000', seed: '1', agents: '24' };
const PROGRESS_MS = 5_000;
/** Mean pauses between two faults on one hub. */
const CLOUD_PAUSE_MS = 2_000;
const HOST_PAUSE_MS = 6_000;

/** Runs one chaos and judges it. `problems` is empty and `ok` true when every promise was kept. `signal` takes everything down at once. */
export async function runChaos(
  options: ChaosOptions,
  { keep = false, signal }: { keep?: boolean; signal?: AbortSignal } = {},
): Promise<{ result: ChaosResult; problems: string[] }> {
  const startedMs = performance.now();
  const world = await createChaosWorld(options);
  signal?.addEventListener('abort', () => void world.dispose(), { once: true });
  const ticker = setInterval(() => options.say(progressLine(world, startedMs, options.commands)), PROGRESS_MS);
  try {
    const problems = await world.run();
    const tally = total(world.hubs.map(({ ledger }) => ledger.tally()));
    const verdicts = world.hubs.map(({ presence }) => presence.verdict());
    const longest = (key: 'longestFalseOfflineMs' | 'longestFalseOnlineMs') => Math.max(...verdicts.map((verdict) => verdict[key]));
    const sum = (key: 'falseOffline' | 'falseOnline') => verdicts.reduce((all, verdict) => all + verdict[key], 0);
    const longestFalseMs = Math.max(longest('longestFalseOfflineMs'), longest('longestFalseOnlineMs'));
    for (const { ledger } of world.hubs) problems.push(...ledger.complaints());
    for (const [index, { wrong }] of verdicts.entries()) if (wrong) problems.push(`hub-${index}: presence is wrong at the end`);
    if (longestFalseMs > BOUND_MS) problems.push(`presence was wrong for ${longestFalseMs} ms`);
    if (tally.sent !== options.commands) problems.push(`${tally.sent} of ${options.commands} commands were sent`);
    const result: ChaosResult = {
      ...tally,
      falseOffline: sum('falseOffline'),
      falseOnline: sum('falseOnline'),
      longestFalseMs,
      longestFalseOfflineMs: longest('longestFalseOfflineMs'),
      longestFalseOnlineMs: longest('longestFalseOnlineMs'),
      boundMs: BOUND_MS,
      faults: world.progress().faults,
      disk: world.hubs[0]?.disk.how ?? 'none',
      agents: options.agents,
      seconds: Math.round((performance.now() - startedMs) / 1000),
      seed: options.seed,
      ok: problems.length === 0,
    };
    if (problems.length > 0 || keep) await keepRecords(world, options);
    return { result, problems };
  } finally {
    clearInterval(ticker);
    await world.dispose();
  }
}

function progressLine(world: ChaosWorld, startedMs: number, commands: number): string {
  const { sent, answered, faults } = world.progress();
  const injected = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  return `${String(seconds).padStart(4)} s  ${sent} of ${commands} sent, ${answered} answered, ${injected} faults`;
}

async function keepRecords({ hubs }: ChaosWorld, { seed, say }: ChaosOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `hub-chaos-${seed}-`));
  for (const hub of hubs) await writeFile(join(folder, `${hub.name}.log`), hub.record());
  say(`records of all hubs: ${folder}`);
}

/** `npm run bench -- chaos`. Answers the exit code: 0 when nothing was lost, nothing was run twice, and presence was right in time. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { ...DEFAULTS, keep: false });
  if (values === null) return 0;
  const [commands, seed, agents] = [Number(values.commands), Number(values.seed), Number(values.agents)];
  if (![commands, agents].every((count) => Number.isInteger(count) && count > 0) || !Number.isInteger(seed)) {
    process.stderr.write(USAGE);
    return 64;
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  // Each agent and each disk has a listener for the end of this process, which a signal alone would not call.
  process.setMaxListeners(0);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EX_INTERRUPTED));
  say(
    `chaos: ${commands} commands to ${Math.min(agents, commands)} agents, seed ${seed} (the seed draws the faults, the machine their timing)`,
  );
  const options = { commands, seed, agents: Math.min(agents, commands), cloudPauseMs: CLOUD_PAUSE_MS, hostPauseMs: HOST_PAUSE_MS, say };
  const { result, problems } = await runChaos(options, { keep: values.keep });
  for (const problem of problems) say(`WRONG ${problem}`);
  say(summary(result));
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.ok ? 0 : 1;
}

function summary(result: ChaosResult): string {
  const { sent, answered, executedOnce, executedTwice, lost, refused, expired, interrupted, unstorable, rerunAfterCrash } = result;
  return [
    `${sent} sent, ${answered} answered: ${executedOnce} run once, ${refused} refused, ${expired} expired, ${interrupted} interrupted, ${unstorable} not storable`,
    `${executedTwice} run twice, ${lost} lost; ${rerunAfterCrash} read-only runs repeated after a crash`,
    `presence wrong for at most ${result.longestFalseMs} ms (bound ${result.boundMs}); ${result.seconds} s; disk full by ${result.disk}`,
    result.ok ? 'every promise kept' : 'NOT every promise kept',
  ].join('\n');
}
