import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Surroundings } from './environment.ts';
import { CACHE, npmProgram, OUTER_PATH } from './parts.ts';

/** One run of the test command. */
export interface Outcome {
  green: boolean;
  /** Tests that ran and passed. */
  passed: number;
  skipped: number;
  /** `file: name` of each that failed. */
  failed: string[];
  seconds: number;
  /** The whole output. */
  log: string;
}

interface Report {
  numPassedTests: number;
  numPendingTests: number;
  testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
}

/** npm passes its configuration to what it runs; the run is a run of its own. */
function outerEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_OPTIONS$|INIT_CWD$)/.test(name));
  return { ...(Object.fromEntries(entries) as Record<string, string>), PATH: OUTER_PATH };
}

/** Runs `npm test` there and reads its report. The signal ends it with everything that it started. */
export async function runSuite(surroundings: Surroundings, name: string, vitest: readonly string[], signal: AbortSignal): Promise<Outcome> {
  const { folder, before, node, env } = surroundings;
  await mkdir(CACHE, { recursive: true });
  const log = join(CACHE, `${name}.log`);
  const report = join(folder, 'node_modules', `everywhere-${name}.json`);
  const words = [
    ...before,
    node,
    npmProgram(),
    'test',
    '--',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...vitest,
  ];
  const began = performance.now();
  const child = spawn(words[0]!, words.slice(1), {
    cwd: folder,
    env: { ...outerEnvironment(), ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that all of it can be ended.
    detached: true,
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  };
  signal.addEventListener('abort', end, { once: true });
  const output = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(output, { end: false });
  const [code] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', end);
  output.end();
  const outcome = await readReport(report);
  return { ...outcome, green: code === 0 && outcome.failed.length === 0, seconds: (performance.now() - began) / 1_000, log };
}

async function readReport(path: string): Promise<Pick<Outcome, 'passed' | 'skipped' | 'failed'>> {
  try {
    const { numPassedTests, numPendingTests, testResults } = JSON.parse(await readFile(path, 'utf8')) as Report;
    await rm(path);
    const failed = testResults.flatMap(({ name, status, assertionResults }) => {
      const file = name.slice(name.indexOf('/test/') + 1);
      const tests = assertionResults.filter((test) => test.status === 'failed').map(({ fullName }) => `${file}: ${fullName}`);
      return status === 'failed' && tests.length === 0 ? [`${file}: the file`] : tests;
    });
    return { passed: numPassedTests, skipped: numPendingTests, failed };
  } catch {
    return { passed: 0, skipped: 0, failed: ['vitest left no report: see the log'] };
  }
}
