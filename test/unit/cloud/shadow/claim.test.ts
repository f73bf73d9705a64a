import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { createClaimStore } from '../../../../agent/cloud/shadow/claim.ts';
import { forgetState } from '../../../../agent/state/forget-state.ts';
import { createMemoryFiles } from '../../../support/memory-files.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

const CLAIM = { orgId: 'org', siteId: 'site', claimedBy: 'user', claimedAt: 1_795_300_000_000 };

/** All files lie in one folder. */
function createStateFiles() {
  const files = createMemoryFiles();
  files.list = async (directory) => (directory === '/state' ? [...files.content.keys()].map((path) => basename(path)) : []);
  return files;
}

function make(files = createStateFiles()) {
  const log = createFakeLog();
  return { files, log, store: createClaimStore({ files, stateDirectory: '/state', log }) };
}

test('a claim is taken, kept over a restart, and not taken twice', async () => {
  const { files, store } = make();
  await store.load();
  expect(store.current()).toBeNull();
  expect(await store.offer(CLAIM)).toEqual(CLAIM);
  expect(await store.offer({ ...CLAIM })).toBeNull();
  expect(files.writes.length).toBe(1);
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
  files.full = true;
  expect(await store.offer(CLAIM)).toEqual(CLAIM);
  expect(log.events()).toContain('claim_unstored');
  expect(store.current()).toEqual(CLAIM);
});

test('a claim that a factory reset forgot is not taken again, over any number of starts and resets; another one is', async () => {
  const { files, store } = make();
  await store.offer(CLAIM);
  await forgetState(files, '/state', 'factory', createFakeLog());
  expect([...files.content.keys()].join()).not.toContain('claim.json');
  const again = make(files);
  await again.store.load();
  expect(await again.store.offer(CLAIM)).toBeNull();
  // A reset without a claim keeps what the one before it noted.
  await forgetState(files, '/state', 'factory', createFakeLog());
  const third = make(files);
  await third.store.load();
  expect(await third.store.offer({ ...CLAIM })).toBeNull();
  expect(third.store.current()).toBeNull();
  const later = { ...CLAIM, claimedAt: CLAIM.claimedAt + 1 };
  expect(await third.store.offer(later)).toEqual(later);
  expect([...files.content.keys()].filter((path) => path.includes('forgotten'))).toEqual([]);
  // Of two forgotten claims only the one that stands in the shadow matters.
  await forgetState(files, '/state', 'factory', createFakeLog());
  expect([...files.content.keys()].filter((path) => path.includes('forgotten'))).toHaveLength(1);
  const fourth = make(files);
  await fourth.store.load();
  expect(await fourth.store.offer(later)).toBeNull();
  // Whose the hub was is forgotten too.
  for (const content of files.content.values()) expect(content).toHaveLength(0);
});

test('a reset of what was learnt leaves the claim and notes nothing', async () => {
  const { files, store } = make();
  await store.offer(CLAIM);
  await forgetState(files, '/state', 'state', createFakeLog());
  expect([...files.content.keys()]).toEqual(['/state/claim.json']);
});

test('a reset that the power cut ended is finished by the next start', async () => {
  const { files, store } = make();
  await store.offer(CLAIM);
  const cut = { ...files, remove: () => Promise.reject(new Error('the power went')) };
  await expect(forgetState(cut, '/state', 'factory', createFakeLog())).rejects.toThrow('the power went');
  expect(files.content.has('/state/claim.json')).toBe(true);
  const next = make(files);
  await next.store.load();
  expect(next.store.current()).toBeNull();
  expect(files.content.has('/state/claim.json')).toBe(false);
  expect(await next.store.offer(CLAIM)).toBeNull();
});

test('a part of a claim in a delta is news once, and again when the shadow could not be read', () => {
  const { store } = make();
  expect(store.isNews(undefined)).toBe(false);
  expect(store.isNews({ siteId: 'other' })).toBe(true);
  expect(store.isNews({ siteId: 'other' })).toBe(false);
  store.unseen();
  expect(store.isNews({ siteId: 'other' })).toBe(true);
  expect(store.isNews({ siteId: 'third' })).toBe(true);
});
