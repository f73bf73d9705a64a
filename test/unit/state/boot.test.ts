import { expect, test } from 'vitest';
import { isFirstStartSinceBoot } from '../../../agent/state/boot.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';

test('the first start after a boot is told from the later ones', async () => {
  const files = createMemoryFiles();
  expect(await isFirstStartSinceBoot(files, '/state', 'boot-1')).toBe(true);
  expect(await isFirstStartSinceBoot(files, '/state', 'boot-1')).toBe(false);
  expect(await isFirstStartSinceBoot(files, '/state', 'boot-2')).toBe(true);
});

test('an unknown boot id, or one that cannot be kept, is a first start', async () => {
  const files = createMemoryFiles();
  expect(await isFirstStartSinceBoot(files, '/state', null)).toBe(true);
  const full = { ...files, writeAtomic: () => Promise.reject(new Error('ENOSPC')) };
  expect(await isFirstStartSinceBoot(full, '/state', 'boot-1')).toBe(true);
  expect(await isFirstStartSinceBoot(full, '/state', 'boot-1')).toBe(true);
});
