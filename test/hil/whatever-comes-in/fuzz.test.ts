import { expect, test } from 'vitest';
import { fuzz } from '../../bench/fuzz/fuzz.ts';

/** More of them: `npm run bench -- fuzz`. */
test.each([1, 2])('Thousands of fuzzed payloads through the SDK end nothing and are no fault (seed %i)', async (seed) => {
  expect(await fuzz({ seed, payloads: 3_000 })).toMatchObject({ alive: true, faults: [] });
});
