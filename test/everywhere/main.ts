import type { Surroundings } from './environment.ts';
import { ENVIRONMENTS } from './environments.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { type Outcome, runSuite } from './run.ts';

const EX_USAGE = 64;
const EX_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What became of one environment. */
interface Record {
  name: string;
  runs: number;
  green: number;
  /** Why it could not be made here; then there are no runs. */
  skipped?: string;
  failed: string[];
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

function show(name: string, round: string, { green, passed, skipped, failed, seconds, log }: Outcome): void {
  say(
    `${green ? 'green' : 'RED  '} ${name} ${round}: ${passed} passed, ${skipped} skipped, ${failed.length} failed in ${Math.round(seconds)} s`,
  );
  if (green) return;
  for (const test of failed) say(`      ${test}`);
  say(`      ${log}`);
}

async function runAll({ only, times, vitest }: Options, signal: AbortSignal): Promise<Record[]> {
  const records: Record[] = [];
  for (const { name, open } of ENVIRONMENTS.filter((each) => only.length === 0 || only.includes(each.name))) {
    if (signal.aborted) break;
    const opened: Surroundings | string = await open().catch((error: Error) => error.message);
    if (typeof opened === 'string') {
      say(`skip  ${name}: ${opened}`);
      records.push({ name, runs: 0, green: 0, skipped: opened, failed: [] });
      continue;
    }
    await using surroundings = opened;
    const record: Record = { name, runs: 0, green: 0, failed: [] };
    records.push(record);
    for (let round = 1; round <= times && !signal.aborted; round++) {
      const outcome = await runSuite(surroundings, `${name}-${round}`, vitest, signal);
      record.runs += 1;
      record.green += outcome.green ? 1 : 0;
      record.failed = [...new Set([...record.failed, ...outcome.failed])];
      show(name, `${round} of ${times}`, outcome);
    }
  }
  return records;
}

async function main(signal: AbortSignal): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
    const unknown = options.only.filter((name) => !ENVIRONMENTS.some((each) => each.name === name));
    if (unknown.length > 0) throw new TypeError(`there is no environment ${unknown.join(', ')}: see --list`);
  } catch (error) {
    process.stderr.write(`test:everywhere: ${(error as Error).message}\n\n${USAGE}`);
    return EX_USAGE;
  }
  if (options.help || options.list) {
    say(options.help ? USAGE : ENVIRONMENTS.map(({ name, what }) => `${name.padEnd(16)} ${what}`).join('\n'));
    return 0;
  }
  const environments = await runAll(options, signal);
  const green = environments.every(({ runs, green: count, skipped }) => skipped !== undefined || count === runs);
  say(JSON.stringify({ green, times: options.times, environments }));
  return green ? 0 : 1;
}

const stop = new AbortController();
let code: number | null = null;
for (const [name, number] of Object.entries(EX_SIGNAL)) {
  process.on(name, () => {
    code = number;
    stop.abort();
  });
}
main(stop.signal).then(
  (result) => process.exit(code ?? result),
  (error: unknown) => {
    process.stderr.write(`test:everywhere: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(70);
  },
);
