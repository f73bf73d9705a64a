import { expect, test } from 'vitest';
import { answer, lastCommandOf, MAX_PAGE_BYTES, pagesOf, publishResult } from '../../../../agent/commands/delivery/delivery.ts';
import type { Entry } from '../../../../agent/commands/lifecycle/entry.ts';
import type { CommandOutcome } from '../../../../agent/contract/command.ts';
import { createFakeCloud } from '../fake-cloud.ts';
import { topics } from '../rig.ts';

const entry: Entry = {
  id: 'e-1',
  intake: 'shadow',
  command: 'get_nodes',
  stage: 'finished',
  repeatable: true,
  args: null,
  receivedAt: 1,
  finishedAt: 2,
  outcome: null,
};
const succeeded = (result: Record<string, unknown>): CommandOutcome => ({ status: 'SUCCEEDED', result });
const failed: CommandOutcome = { status: 'FAILED', error: { code: 'wifi_no_address', message: 'No address\u0007.' } };

test('a short result is one page', () => {
  expect(pagesOf(entry, succeeded({ total: 0 })).map((page) => JSON.parse(page))).toEqual([
    { id: 'e-1', command: 'get_nodes', status: 'SUCCEEDED', page: 1, pages: 1, result: { total: 0 } },
  ]);
});

test.each([
  ['ASCII', 'x'],
  ['two bytes a letter', 'é'],
  ['four bytes a letter', '🔒'],
  ['escaped', '\u0001'],
])('a long result of %s is divided into pages under the limit, each with everything but its part of the list', (_what, letter) => {
  const nodes = Array.from({ length: 700 }, (_, index) => ({ nodeId: `rs485/${index}`, vendor: letter.repeat(200) }));
  const pages = pagesOf(entry, succeeded({ total: 700, buses: [{ id: 'rs485' }], nodes }));
  expect(pages.length).toBeGreaterThan(1);
  const parsed = pages.map((page) => JSON.parse(page));
  for (const [index, page] of pages.entries()) {
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    expect(parsed[index]).toMatchObject({ page: index + 1, pages: pages.length, result: { total: 700, buses: [{ id: 'rs485' }] } });
  }
  expect(parsed.flatMap(({ result }) => result.nodes)).toEqual(nodes);
});

test('what cannot be divided is left out, and the answer says so', () => {
  const [page, ...more] = pagesOf(entry, succeeded({ text: 'x'.repeat(200_000), list: ['y'] }));
  expect(more).toEqual([]);
  expect(JSON.parse(page!)).toMatchObject({ status: 'SUCCEEDED', result: { resultDropped: expect.stringContaining('200') } });
});

test('an error is one page and stands in the shadow', () => {
  expect(JSON.parse(pagesOf(entry, failed)[0]!)).toMatchObject({ status: 'FAILED', error: { code: 'wifi_no_address' }, pages: 1 });
  expect(lastCommandOf(entry, topics, failed)).toMatchObject({ status: 'FAILED', finishedAt: 2, error: { code: 'wifi_no_address' } });
  expect(lastCommandOf(entry, topics)).toMatchObject({ status: 'IN_PROGRESS', resultTopic: 'hubs/hub-1/commands/e-1/result' });
});

test('the pages come before the state that announces them', async () => {
  const cloud = createFakeCloud();
  const order: string[] = [];
  cloud.onRequest = (name) => void order.push(name);
  await publishResult(cloud, topics, entry, succeeded({}));
  await answer(cloud, topics, entry, succeeded({}));
  expect(order).toEqual(['publish', 'report']);
});

test('an execution is answered in the words of AWS IoT Commands', async () => {
  const cloud = createFakeCloud();
  await publishResult(cloud, topics, { ...entry, intake: 'executions' }, failed);
  await answer(cloud, topics, { ...entry, intake: 'executions' }, failed);
  await publishResult(cloud, topics, { ...entry, intake: 'executions' }, succeeded({ text: 'x'.repeat(10_000) }));
  await answer(cloud, topics, { ...entry, intake: 'executions' }, succeeded({ text: 'x'.repeat(10_000) }));
  await publishResult(cloud, topics, { ...entry, intake: 'executions' }, succeeded({ total: 1 }));
  await answer(cloud, topics, { ...entry, intake: 'executions' }, succeeded({ total: 1 }));
  const answers = cloud.published
    .filter(({ topic }) => topic === topics.executionResponse('e-1'))
    .map(({ payload }) => JSON.parse(payload));
  const resultTopic = { s: topics.commandResult('e-1') };
  expect(answers).toEqual([
    { status: 'FAILED', statusReason: { reasonCode: 'WIFI_NO_ADDRESS', reasonDescription: 'No address .' } },
    { status: 'SUCCEEDED', result: { resultTopic } },
    { status: 'SUCCEEDED', result: { json: { s: '{"total":1}' }, resultTopic } },
  ]);
  expect(cloud.reports).toEqual([]);
});
