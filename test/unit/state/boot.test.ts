import { expect, test } from 'vitest';
import { startOfBoot } from '../../../agent/state/boot.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';

async function isFirst(...args: Parameters<typeof startOfBoot>): Promise<boolean> {
  const start = await startOfBoot(...args);
  await start.noted;
  return start.isFirst;
}

test('the first start after a boot is told from the later ones', async () => {
  const files = createMemoryFiles();
  expect(await isFirst(files, '/state', 'boot-1')).toBe(true);
  expect(await isFirst(files, '/state', 'boot-1')).toBe(false);
  expect(await isFirst(files, '/state', 'boot-2')).toBe(true);
});

test('an unknown boot id, or one that cannot be kept, is a first start', async () => {
  const files = createMemoryFiles();
  expect(await isFirst(files, '/state', null)).toBe(true);
  const full = { ...files, writeAtomic: () => Promise.reject(new Error('ENOSPC')) };
  expect(await isFirst(full, '/state', 'boot-1')).toBe(true);
  expect(await isFirst(full, '/state', 'boot-1')).toBe(true);
});
