import { expect, test } from 'vitest';
import { createClaimStore } from '../../../agent/cloud/claim.ts';
import { createFakeFiles, createFakeLog } from '../nodes/fakes.ts';

const CLAIM = { orgId: 'org', siteId: 'site', claimedBy: 'user', claimedAt: 1_795_300_000_000 };

function make(files = createFakeFiles()) {
  const log = createFakeLog();
  return { files, log, store: createClaimStore({ files, stateDirectory: '/state', log }) };
}

test('a claim is taken, kept over a restart, and not taken twice', async () => {
  const { files, store } = make();
  await store.load();
  expect(store.current()).toBeNull();
  expect(await store.offer(CLAIM)).toEqual(CLAIM);
  expect(await store.offer({ ...CLAIM })).toBeNull();
  expect(files.writes).toBe(1);
  const next = make(files);
  await next.store.load();
  expect(next.store.current()).toEqual(CLAIM);
});

test('a later claim replaces the earlier one; what is not ours to know is left out', async () => {
  const { store } = make();
  await store.offer(CLAIM);
  expect(await store.offer({ ...CLAIM, siteId: 'other', extra: true })).toEqual({ ...CLAIM, siteId: 'other' });
});

test.each([undefined, null])('nothing desired (%s) changes nothing', async (desired) => {
  const { store } = make();
  await store.offer(CLAIM);
  expect(await store.offer(desired)).toBeNull();
  expect(store.current()).toEqual(CLAIM);
});

test('a bad claim is refused, and said once however often it comes', async () => {
  const { log, store } = make();
  for (const bad of [{ ...CLAIM, orgId: '' }, { ...CLAIM, orgId: '' }, { ...CLAIM, siteId: 'x'.repeat(129) }, 'text', 5]) {
    expect(await store.offer(bad)).toBeNull();
  }
  expect(log.events()).toEqual(['claim_invalid', 'claim_invalid', 'claim_invalid', 'claim_invalid']);
  expect(store.current()).toBeNull();
});

test('a damaged file is said and replaced by the next claim; a full disk does not undo it', async () => {
  const { files, log, store } = make();
  files.content.set('/state/claim.json', Buffer.from('{"orgId":'));
  await store.load();
  expect(log.events()).toEqual(['claim_damaged']);
  files.failWrites = true;
  expect(await store.offer(CLAIM)).toEqual(CLAIM);
  expect(log.events()).toContain('claim_unstored');
  expect(store.current()).toEqual(CLAIM);
});
