import { parseArgs } from 'node:util';

/** What `npm run test:everywhere` was asked for. */
export interface Options {
  /** How often the suite runs in each environment, 1 … 100. */
  times: number;
  /** Names of environments; empty: all. */
  only: string[];
  list: boolean;
  help: boolean;
  /** Arguments of vitest, from the second `--` on; empty: the whole suite. */
  vitest: string[];
}

const MAX_TIMES = 100;

export const USAGE = `Runs the test command in every environment that the suite must be green in.

usage: npm run test:everywhere -- [--times N] [--only NAME]... [--list] [-- VITEST ARGUMENTS]

  --times N    how often in each environment, 1 to ${MAX_TIMES} (default 1)
  --only NAME  only this environment; may be repeated
  --list       prints the environments
  -- ...       what follows is for vitest, for example: -- --project unit

The output of each run is kept in .cache/everywhere. The last line is JSON; the exit code is 0 when every run was green.
`;

/** @throws TypeError for what is not understood. */
export function parseOptions(args: readonly string[]): Options {
  const end = args.indexOf('--');
  const { values } = parseArgs({
    args: end < 0 ? [...args] : args.slice(0, end),
    options: {
      times: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const times = /^\d{1,3}$/.test(values.times) ? Number(values.times) : 0;
  if (times < 1 || times > MAX_TIMES) throw new TypeError(`--times is ${values.times}: give a number from 1 to ${MAX_TIMES}`);
  return { ...values, times, vitest: end < 0 ? [] : args.slice(end + 1) };
}
