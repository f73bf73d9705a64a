import { test } from 'vitest';
import { checkConvergence, checkHonesty } from './rough-line.ts';

/** These compute for seconds on an idle machine; the benchmark `osdp-soak` runs many more of them. */
const BUSY_MACHINE_MS = 60_000;

test(
  'whatever loss, noise, delay, BUSY and duplicates the line makes below the stated rates, the table comes to the truth',
  async () => {
    await checkConvergence(8, 20260104);
  },
  BUSY_MACHINE_MS,
);

test(
  'with more than that it says that it does not know, never something wrong, and comes to the truth when the line mends',
  async () => {
    await checkHonesty(8, 20260105);
  },
  BUSY_MACHINE_MS,
);
