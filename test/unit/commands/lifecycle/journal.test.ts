import { expect, test } from 'vitest';
import type { Entry } from '../../../../agent/commands/lifecycle/entry.ts';
import { createJournal } from '../../../../agent/commands/lifecycle/journal.ts';
import { isSafeId } from '../../../../agent/commands/lifecycle/journal-entry.ts';
import { topicsOf } from '../../../../agent/contract/topics.ts';
import { Secret } from '../../../../agent/system/secret.ts';
import { createMemoryFiles } from '../../../support/memory-files.ts';
import { AWS_LIMITS } from '../../../twins/iot-core/limits.ts';
import { createFakeEntropy, createFakeLog } from '../../nodes/fakes.ts';

const DIRECTORY = '/state';
const LONGEST_ID = 'a'.repeat(64);
const entry = (change: Partial<Entry> = {}): Entry => ({
  id: 'a',
  intake: 'shadow',
  command: 'get_nodes',
  stage: 'seen',
  repeatable: true,
  args: { refresh: true },
  receivedAt: 1,
  finishedAt: null,
  outcome: null,
  ...change,
});

function createRig() {
  const files = createMemoryFiles();
  const log = createFakeLog();
  return { files, log, journal: createJournal({ files, directory: DIRECTORY, entropy: createFakeEntropy(), log }) };
}

test('entries come back as they were written, oldest first', async () => {
  const { journal } = createRig();
  const late = entry({ id: 'late', receivedAt: 9, stage: 'finished', outcome: { status: 'SUCCEEDED', result: { total: 1 } } });
  await journal.write(late);
  await journal.write(entry());
  expect(await journal.load()).toEqual([entry(), late]);
  await journal.remove('late');
  expect(await journal.load()).toEqual([entry()]);
});

test('args of a command that may not run again never reach the disk', async () => {
  const { journal, files } = createRig();
  await journal.write(entry({ repeatable: false, args: { ssid: 'Home', credentials: new Secret('hunter22'), plain: 'hunter22' } }));
  expect([...files.content.values()].join()).not.toContain('hunter22');
  expect((await journal.load())[0]?.args).toBeNull();
});

const broken: [string, string][] = [
  ['empty', ''],
  ['not JSON', '{"format":1,"entry":{"id":"a"'],
  ['zeros', '\0'.repeat(64)],
  ['null', 'null'],
  ['a list', '[]'],
  ['of a later format', JSON.stringify({ format: 2, entry: entry() })],
  ['without an entry', JSON.stringify({ format: 1 })],
  ['of an unknown stage', JSON.stringify({ format: 1, entry: { ...entry(), stage: 'lost' } })],
  ['of an unknown intake', JSON.stringify({ format: 1, entry: { ...entry(), intake: 'mail' } })],
  ['of a dangerous id', JSON.stringify({ format: 1, entry: entry({ id: '../key' }) })],
  ['finished without an outcome', JSON.stringify({ format: 1, entry: entry({ stage: 'finished' }) })],
];

test.each(broken)('a file that is %s is set aside and touches no other', async (_what, text) => {
  const { journal, files, log } = createRig();
  await journal.write(entry({ id: 'good' }));
  files.content.set(`${DIRECTORY}/commands/bad.json`, Buffer.from(text));
  expect((await journal.load()).map(({ id }) => id)).toEqual(['good']);
  expect(files.content.get(`${DIRECTORY}/damaged-command`)?.toString()).toBe(text);
  expect(files.content.has(`${DIRECTORY}/commands/bad.json`)).toBe(false);
  expect(log.events()).toEqual(['journal_entry_damaged']);
  expect(await journal.load()).toHaveLength(1);
});

test('a damaged file is set aside on a full disk as well', async () => {
  const { journal, files } = createRig();
  files.content.set(`${DIRECTORY}/commands/bad.json`, Buffer.from('{'));
  files.full = true;
  expect(await journal.load()).toEqual([]);
  expect([...files.content.keys()]).toEqual([`${DIRECTORY}/damaged-command`]);
});

test('of thousands of damaged entries a few are named and the others counted; the sound ones are read, and one damaged is kept', async () => {
  const { journal, files, log } = createRig();
  for (let index = 0; index < 3_000; index += 1) files.content.set(`${DIRECTORY}/commands/d${index}.json`, Buffer.from('{'));
  await journal.write(entry({ id: 'zz' }));
  expect(await journal.load()).toEqual([entry({ id: 'zz' })]);
  expect(log.events()).toEqual([...Array(8).fill('journal_entry_damaged'), 'journal_entries_damaged']);
  expect(log.lines.at(-1)).toMatchObject({ count: 3_000, named: 8 });
  expect([...files.content.keys()].sort()).toEqual([`${DIRECTORY}/commands/zz.json`, `${DIRECTORY}/damaged-command`]);
  expect(await journal.load()).toHaveLength(1);
});

test('the key for ids is made once, kept, and made anew when it is damaged', async () => {
  const { journal, files, log } = createRig();
  const key = await journal.idKey();
  expect(key).toHaveLength(32);
  expect(await journal.idKey()).toEqual(key);
  files.content.set(`${DIRECTORY}/command-id.key`, key.subarray(0, 31));
  const other = await journal.idKey();
  expect(other).toHaveLength(32);
  expect(other).not.toEqual(key);
  expect(log.events()).toEqual(['command_id_key_damaged']);
});

test('a record with an id that is part of no topic is set aside: its answer would be tried for ever', async () => {
  const { journal, files, log } = createRig();
  await journal.write(entry({ id: 'shadow-1e+300-0123abcd' }));
  expect(await journal.load()).toEqual([]);
  expect(files.content.has(`${DIRECTORY}/damaged-command`)).toBe(true);
  expect(log.events()).toEqual(['journal_entry_damaged']);
});

test('only plain words are file names', () => {
  expect(isSafeId('shadow-1800000000-0123abcd')).toBe(true);
  expect(isSafeId('3f2504e0-4f89-41d3-9a0c-0305e82c3301')).toBe(true);
  for (const id of ['', '.', '../..', 'a/b', 'a\0', 'é', 'a'.repeat(65)]) expect(isSafeId(id), id).toBe(false);
  expect(isSafeId(LONGEST_ID)).toBe(true);
});

test('the topics of the longest id and the longest name of a Thing are ones that AWS IoT takes', () => {
  const topics = topicsOf('t'.repeat(128));
  for (const topic of [topics.commandResult(LONGEST_ID), topics.executionResponse(LONGEST_ID)]) {
    expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(AWS_LIMITS.maxTopicBytes);
    expect(topic.split('/').length - 1).toBeLessThanOrEqual(AWS_LIMITS.maxTopicSlashes);
  }
});
