import { expect, test } from 'vitest';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createExecutions } from './executions.ts';
import { createTimers } from './timers.ts';

function setUp() {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  const timers = createTimers(clock);
  timers.resume();
  const published: { topic: string; document: Record<string, unknown> }[] = [];
  let count = 0;
  const executions = createExecutions({
    timers,
    uuid: () => `id-${++count}`,
    publish: (topic, payload) => void published.push({ topic, document: JSON.parse(payload) }),
  });
  /** Answers as the device and returns what the service publishes about it. */
  const respond = (executionId: string, payload: string | object, thingName = 'hub-1') => {
    published.length = 0;
    executions.respond(thingName, executionId, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)));
    return published[0];
  };
  return { clock, executions, published, respond };
}

test('starts with a request on the topic of its id and follows the answers to the end', () => {
  const { executions, published, respond } = setUp();
  const id = executions.start('hub-1', { command: 'get_nodes', args: {} });
  expect(published).toEqual([
    { topic: `$aws/commands/things/hub-1/executions/${id}/request/json`, document: { command: 'get_nodes', args: {} } },
  ]);
  expect(executions.find(id)).toMatchObject({ status: 'CREATED', statusReason: null });
  expect(respond(id, { status: 'IN_PROGRESS' })?.topic).toBe(`$aws/commands/things/hub-1/executions/${id}/response/accepted/json`);
  const statusReason = { reasonCode: 'DONE', reasonDescription: 'eight nodes' };
  respond(id, { status: 'SUCCEEDED', statusReason, result: { total: { s: '8' }, complete: { b: true } } });
  expect(executions.find(id)).toMatchObject({
    status: 'SUCCEEDED',
    statusReason,
    result: { total: { s: '8' }, complete: { b: true } },
    acceptedResponses: 2,
    rejectedResponses: 0,
  });
});

test.each([
  ['no status', {}],
  ['an unknown status', { status: 'DONE' }],
  ['a status only the cloud sets', { status: 'CREATED' }],
  ['a reason code in lower case', { status: 'FAILED', statusReason: { reasonCode: 'busy' } }],
  ['a reason without a code', { status: 'FAILED', statusReason: { reasonDescription: 'x' } }],
  ['a long description', { status: 'FAILED', statusReason: { reasonCode: 'X', reasonDescription: 'x'.repeat(1025) } }],
  ['an empty result', { status: 'SUCCEEDED', result: {} }],
  ['a result that is no map', { status: 'SUCCEEDED', result: [] }],
  ['an untyped result value', { status: 'SUCCEEDED', result: { total: 8 } }],
  ['a result value of two types', { status: 'SUCCEEDED', result: { total: { s: '8', b: true } } }],
])('refuses an answer with %s', (_name, payload) => {
  const { executions, respond } = setUp();
  const id = executions.start('hub-1', {});
  expect(respond(id, payload)).toMatchObject({
    topic: `$aws/commands/things/hub-1/executions/${id}/response/rejected/json`,
    document: { error: 'InvalidRequest', executionId: id },
  });
  expect(executions.find(id)).toMatchObject({ status: 'CREATED', rejectedResponses: 1 });
});

test('refuses what is no JSON object', () => {
  const { executions, respond } = setUp();
  const id = executions.start('hub-1', {});
  for (const payload of ['{', '[]', '1']) expect(respond(id, payload)?.document).toMatchObject({ error: 'InvalidJson', executionId: id });
});

test('a final status stands; an unknown execution is refused', () => {
  const { executions, respond } = setUp();
  const id = executions.start('hub-1', {});
  respond(id, { status: 'SUCCEEDED' });
  expect(respond(id, { status: 'SUCCEEDED' })?.document).toMatchObject({ error: 'InvalidStateTransition' });
  expect(respond('other', { status: 'SUCCEEDED' })?.document).toMatchObject({ error: 'ResourceNotFound' });
  expect(respond(id, { status: 'FAILED' }, 'hub-2')?.document).toMatchObject({ error: 'ResourceNotFound' });
  expect(executions.find(id)?.status).toBe('SUCCEEDED');
});

test('times out by itself, which the device may still correct', () => {
  const { clock, executions, respond } = setUp();
  const seen: string[] = [];
  executions.onChange(({ status }) => void seen.push(status));
  const id = executions.start('hub-1', {});
  respond(id, { status: 'IN_PROGRESS' });
  clock.step(9_999);
  expect(executions.find(id)?.status).toBe('IN_PROGRESS');
  clock.step(1);
  expect(executions.find(id)?.status).toBe('TIMED_OUT');
  respond(id, { status: 'SUCCEEDED' });
  clock.step(60_000);
  expect(seen).toEqual(['IN_PROGRESS', 'TIMED_OUT', 'SUCCEEDED']);
});
