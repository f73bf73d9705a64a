import { expect, test } from 'vitest';
import { hubIdCopy } from '../../../agent/state/hub-id.ts';
import { ownState } from '../../../agent/state/owner.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const STATE = '/state';
const A = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const B = 'a94c1be0-77d1-4c36-b2aa-5d0e6e21c7f4';
const CLAIM = JSON.stringify({ orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 });
const COPY_OF_A = hubIdCopy(A);
const make = (content: Record<string, string>) =>
  createMemoryFiles(new Map(Object.entries(content).map(([name, text]) => [`${STATE}/${name}`, Buffer.from(text)])));
const names = (files: { content: Map<string, Buffer> }) => [...files.content.keys()].map((path) => path.slice(STATE.length + 1)).sort();

test('a first start takes what lies there, and writes down whose it is', async () => {
  const files = make({ 'claim.json': '{}' });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: A, log });
  expect(names(files)).toEqual(['claim.json', 'hub-id', 'hub-id.copy']);
  await ownState(files, { stateDirectory: STATE, hubId: A, log });
  expect(files.writes).toHaveLength(2);
  expect(log.lines).toEqual([]);
});

test('the state of another hub is forgotten: claim, commands, key of the ids, nodes', async () => {
  const files = make({ 'hub-id': A, 'claim.json': CLAIM, 'command-id.key': 'k', 'nodes.json': '{}', 'commands/c1.json': '{}' });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: B, log });
  expect(names(files).filter((name) => !name.startsWith('forgotten-claim-'))).toEqual(['forget-wifi', 'hub-id', 'hub-id.copy']);
  expect(files.content.get(`${STATE}/hub-id`)?.toString()).toBe(B);
  expect(log.lines).toMatchObject([{ event: 'state_of_another_hub' }]);
});

test('a directory that cannot be written stops no start', async () => {
  const files = make({});
  files.full = true;
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: A, log });
  expect(log.lines).toMatchObject([{ event: 'state_owner_unknown' }]);
});

/** Each text that differs from it in one bit. */
function* flips(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(text, 'latin1');
      bytes[at]! ^= 1 << bit;
      yield bytes.toString('latin1');
    }
  }
}

test.each([
  ['beside its copy', { 'hub-id.copy': COPY_OF_A }],
  ['of an older agent, without a copy', {}],
])('one flipped bit in the id %s forgets nothing, whichever it is', async (_what, besides) => {
  for (const text of flips(A)) {
    const files = createMemoryFiles(new Map());
    for (const [name, content] of Object.entries({ ...besides, 'hub-id': text, 'claim.json': CLAIM })) {
      files.content.set(`${STATE}/${name}`, Buffer.from(content, 'latin1'));
    }
    const log = createFakeLog();
    await ownState(files, { stateDirectory: STATE, hubId: A, log });
    expect(files.content.get(`${STATE}/claim.json`)?.toString(), text).toBe(CLAIM);
    expect(files.content.get(`${STATE}/hub-id`)?.toString().trim().toLowerCase(), text).toBe(A);
    // A letter in the other case is the same id, and a line's end is none of it.
    if (text.trim().toLowerCase() !== A) expect(log.events(), text).toContain('hub_id_damaged');
  }
});

test('one flipped bit in the copy forgets nothing', async () => {
  for (const text of flips(COPY_OF_A)) {
    const files = make({ 'hub-id': A, 'claim.json': CLAIM });
    files.content.set(`${STATE}/hub-id.copy`, Buffer.from(text, 'latin1'));
    await ownState(files, { stateDirectory: STATE, hubId: A, log: createFakeLog() });
    expect(files.content.get(`${STATE}/claim.json`)?.toString()).toBe(CLAIM);
    expect(files.content.get(`${STATE}/hub-id.copy`)?.toString()).toBe(COPY_OF_A);
  }
});

/** As a start over it and the start after that. */
async function startTwice(content: Record<string, string>, hubId: string) {
  const files = make(content);
  const log = createFakeLog();
  const faults: unknown[] = [];
  const onFault = (fault: unknown) => void faults.push(fault);
  await ownState(files, { stateDirectory: STATE, hubId, log, onFault });
  await ownState(files, { stateDirectory: STATE, hubId, log, onFault });
  return { files, log, faults };
}

test.each([
  ['sound', { 'hub-id': A, 'hub-id.copy': COPY_OF_A }],
  ['sound, the copy alone', { 'hub-id.copy': COPY_OF_A }],
  ['damaged, and the copy sound', { 'hub-id': '\0'.repeat(36), 'hub-id.copy': COPY_OF_A }],
  ['those of a former hub, mended by the copy', { 'hub-id': B, 'hub-id.copy': COPY_OF_A }],
])(
  'one flipped bit in the id of identity.json over files that are %s: nothing is forgotten, and it is reported',
  async (_what, content) => {
    for (const hubId of flips(A)) {
      const { files, log, faults } = await startTwice({ ...content, 'claim.json': CLAIM }, hubId);
      expect(files.content.get(`${STATE}/claim.json`)?.toString(), hubId).toBe(CLAIM);
      expect(files.content.has(`${STATE}/forget-wifi`), hubId).toBe(false);
      expect(files.content.get(`${STATE}/hub-id`)?.toString().toLowerCase(), hubId).toBe(A);
      expect(files.content.get(`${STATE}/hub-id.copy`)?.toString(), hubId).toBe(COPY_OF_A);
      if (hubId.toLowerCase() === A) continue;
      expect(
        log.events().filter((event) => event === 'identity_damaged'),
        hubId,
      ).toHaveLength(2);
      const fault = { path: `${STATE}/hub-id.copy`, operation: 'verify', code: 'ID_MISMATCH' };
      expect(faults, hubId).toEqual([fault, fault]);
      // With identity.json as it was, it is this hub's state again.
      const again = createFakeLog();
      await ownState(files, { stateDirectory: STATE, hubId: A, log: again });
      expect(again.lines, hubId).toEqual([]);
    }
  },
);

test('two flipped bits in it forget nothing either; without the copy the id beside it is tried in the same way', async () => {
  // Each last digit differs in two bits, one bit and two bits from `1`.
  for (const digit of ['2', '3', '7']) {
    const hubId = A.slice(0, -1) + digit;
    for (const content of [{ 'hub-id': A, 'hub-id.copy': COPY_OF_A }, { 'hub-id': A }] as Record<string, string>[]) {
      const { files } = await startTwice({ ...content, 'claim.json': CLAIM }, hubId);
      expect(files.content.get(`${STATE}/claim.json`)?.toString(), hubId).toBe(CLAIM);
    }
  }
});

test('when identity.json is right after all, the copy is removed and the state is its own', async () => {
  const hubId = `${A.slice(0, -1)}3`;
  const { files } = await startTwice({ 'hub-id': A, 'hub-id.copy': COPY_OF_A, 'claim.json': CLAIM }, hubId);
  await files.remove(`${STATE}/hub-id.copy`);
  const log = createFakeLog();
  for (let start = 0; start < 2; start++) await ownState(files, { stateDirectory: STATE, hubId, log });
  expect(log.events()).toEqual(['hub_id_damaged']);
  expect(files.content.get(`${STATE}/hub-id.copy`)?.toString()).toBe(hubIdCopy(hubId));
});

test.each([
  ['with both files', { 'hub-id': A, 'hub-id.copy': COPY_OF_A }],
  ['of an older agent', { 'hub-id': A }],
  ['whose id is damaged and the copy is not', { 'hub-id': '\0'.repeat(36), 'hub-id.copy': COPY_OF_A }],
])('the state of another hub %s is forgotten', async (_what, content) => {
  const files = make({ ...content, 'claim.json': CLAIM });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: B, log });
  expect(files.content.has(`${STATE}/claim.json`)).toBe(false);
  expect(files.content.get(`${STATE}/hub-id`)?.toString()).toBe(B);
  expect(files.content.get(`${STATE}/hub-id.copy`)?.toString()).toBe(hubIdCopy(B));
  expect(log.events()).toContain('state_of_another_hub');
});

test('an id in capital letters is the same hub', async () => {
  const files = make({ 'hub-id': A.toUpperCase(), 'hub-id.copy': COPY_OF_A, 'claim.json': CLAIM });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: A.toUpperCase(), log });
  expect(files.content.has(`${STATE}/claim.json`)).toBe(true);
  expect(log.lines).toEqual([]);
});
