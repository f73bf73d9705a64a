import { expect, test } from 'vitest';
import { removeTornWrites } from '../../../agent/state/torn-writes.ts';
import { createFakeLog } from '../nodes/fakes.ts';

test('what was removed is said, folder by folder; nothing to remove is nothing to say', async () => {
  const log = createFakeLog();
  await removeTornWrites(
    { removeTorn: async (folder) => (folder === '/state' ? ['claim.json.tmp'] : []) },
    ['/state', '/state/commands'],
    log,
  );
  expect(log.lines).toMatchObject([{ level: 'warn', event: 'torn_writes_removed', folder: '/state', names: ['claim.json.tmp'] }]);
});

test('a disk that refuses holds up no start', async () => {
  const log = createFakeLog();
  await removeTornWrites({ removeTorn: () => Promise.reject(new Error('EROFS')) }, ['/state'], log);
  expect(log.events()).toEqual(['torn_writes_stay']);
});
