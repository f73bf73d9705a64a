import { expect, test } from 'vitest';
import { watchFiles } from '../../../agent/system/file-faults.ts';
import type { Files } from '../../../agent/system/files.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';

/** Files of which a write fails with the code that stands for its path. */
function createFaulty() {
  const codes = new Map<string, string>();
  const memory: Files = createMemoryFiles();
  const files = watchFiles({
    ...memory,
    async writeAtomic(path, data, mode) {
      const code = codes.get(path);
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      await memory.writeAtomic(path, data, mode);
    },
  });
  return { codes, files, write: (path: string) => files.writeAtomic(path, 'x').catch(() => {}) };
}

test('a disk that has room again ends the faults of a folder, also of files that are never tried again', async () => {
  const { codes, files, write } = createFaulty();
  for (const path of ['/state/commands/a', '/state/commands/b', '/state/claim']) {
    codes.set(path, 'ENOSPC');
    await write(path);
  }
  expect(files.faults()).toHaveLength(3);
  await write('/state/commands/c');
  expect(files.faults()).toEqual([{ path: '/state/claim', operation: 'writeAtomic', code: 'ENOSPC' }]);
});

test('what stands in the way of one file stays a fault, whatever works beside it', async () => {
  const { codes, files, write } = createFaulty();
  codes.set('/state/claim', 'EISDIR');
  await write('/state/claim');
  await write('/state/nodes');
  expect(files.faults()).toEqual([{ path: '/state/claim', operation: 'writeAtomic', code: 'EISDIR' }]);
  codes.clear();
  await write('/state/claim');
  expect(files.faults()).toEqual([]);
});
