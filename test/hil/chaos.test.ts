import { expect, test } from 'vitest';
import { runChaos } from '../bench/chaos.ts';

/** Long runs with other seeds are `npm run bench -- chaos`. */
const SEED = 1;

test('thirty commands under chaos: each answered once, presence right in time', async ({ signal }) => {
  const lines: string[] = [];
  const options = {
    commands: 30,
    agents: 3,
    seed: SEED,
    cloudPauseMs: 2_500,
    hostPauseMs: 5_000,
    say: (line: string) => void lines.push(line),
  };
  const { result, problems } = await runChaos(options, { signal });
  expect(problems, `seed ${SEED}\n${lines.join('\n')}`).toEqual([]);
  expect(result).toMatchObject({ sent: 30, answered: 30, executedTwice: 0, lost: 0, falseOffline: 0, falseOnline: 0 });
});
