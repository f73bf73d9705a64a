import { expect, test } from 'vitest';
import { ownState } from '../../../agent/state/owner.ts';
import { createFakeLog } from '../nodes/fakes.ts';
import { createMemoryFiles } from '../support/memory-files.ts';

const STATE = '/state';
const make = (content: Record<string, string>) =>
  createMemoryFiles(new Map(Object.entries(content).map(([name, text]) => [`${STATE}/${name}`, Buffer.from(text)])));
const names = (files: { content: Map<string, Buffer> }) => [...files.content.keys()].map((path) => path.slice(STATE.length + 1)).sort();

test('a first start takes what lies there, and writes down whose it is', async () => {
  const files = make({ 'claim.json': '{}' });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: 'hub-a', log });
  expect(names(files)).toEqual(['claim.json', 'hub-id']);
  await ownState(files, { stateDirectory: STATE, hubId: 'hub-a', log });
  expect(files.writes).toHaveLength(1);
  expect(log.lines).toEqual([]);
});

test('the state of another hub is forgotten: claim, commands, key of the ids, nodes', async () => {
  const files = make({ 'hub-id': 'hub-a', 'claim.json': '{}', 'command-id.key': 'k', 'nodes.json': '{}', 'commands/c1.json': '{}' });
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: 'hub-b', log });
  expect(names(files).filter((name) => !name.startsWith('forgotten-claim-'))).toEqual(['forget-wifi', 'hub-id']);
  expect(files.content.get(`${STATE}/hub-id`)?.toString()).toBe('hub-b');
  expect(log.lines).toMatchObject([{ event: 'state_of_another_hub' }]);
});

test('a directory that cannot be written stops no start', async () => {
  const files = make({});
  files.full = true;
  const log = createFakeLog();
  await ownState(files, { stateDirectory: STATE, hubId: 'hub-a', log });
  expect(log.lines).toMatchObject([{ event: 'state_owner_unknown' }]);
});
