import { test } from 'vitest';
import { checkConvergence, checkHonesty } from './rough-line.ts';

test('whatever loss, noise, delay, BUSY and duplicates the line makes below the stated rates, the table comes to the truth', async () => {
  await checkConvergence(12, 20260104);
});

test('with more than that it says that it does not know, never something wrong, and comes to the truth when the line mends', async () => {
  await checkHonesty(12, 20260105);
});
