import { expect, test } from 'vitest';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createTimers } from '../timers.ts';
import { createJobsService } from './service.ts';
import { parseJobsRequestTopic } from './topics.ts';
import type { JobOptions, PresignRequest } from './types.ts';

const START_MS = 1_795_300_000_000;
const JOB: JobOptions = { jobId: 'j1', thingName: 'hub-1', document: { operation: 'update_agent' } };

function setUp() {
  const clock = createSteppedClock({ zeroDelays: 'immediate' });
  const timers = createTimers(clock);
  timers.resume();
  // biome-ignore lint/suspicious/noExplicitAny: bodies of any shape are looked into
  const published: { topic: string; body: Record<string, any> }[] = [];
  const faults = { throttled: 0, lost: 0 };
  let urls = 0;
  const service = createJobsService({
    timers,
    nowMs: () => START_MS + clock.nowMs(),
    publish: (topic, payload) => void published.push({ topic, body: JSON.parse(payload) }),
    presign: ({ operation, bucket, key }: PresignRequest) => `https://store/${bucket}/${key}?${operation}=${++urls}`,
    throttlesNextRequest: () => faults.throttled-- > 0,
    losesNextResponse: () => faults.lost-- > 0,
  });
  /** A request of the device; resolves with the answer's body, and what kind it is. */
  function ask(rest: string, body: object | string = {}, thingName = 'hub-1') {
    published.length = 0;
    const topic = `$aws/things/${thingName}/jobs/${rest}`;
    service.handle(parseJobsRequestTopic(topic)!, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
    const answer = published.find((message) => message.topic.startsWith(`${topic}/`));
    return answer && Object.assign(answer.body, { kind: answer.topic.slice(topic.length + 1) });
  }
  const told = (rest: string) => published.filter(({ topic }) => topic === `$aws/things/hub-1/jobs/${rest}`).map(({ body }) => body);
  return { clock, jobs: service.access, published, faults, ask, told };
}

test('a job is announced, taken, worked on and done; then none is left', () => {
  const { jobs, ask, told } = setUp();
  jobs.create(JOB);
  expect(told('notify')).toMatchObject([{ jobs: { QUEUED: [{ jobId: 'j1', versionNumber: 1, executionNumber: 1 }] } }]);
  expect(told('notify-next')).toMatchObject([{ execution: { jobId: 'j1', status: 'QUEUED', jobDocument: JOB.document } }]);
  expect(ask('get')).toMatchObject({ kind: 'accepted', inProgressJobs: [], queuedJobs: [{ jobId: 'j1' }] });

  const execution = { jobId: 'j1', status: 'IN_PROGRESS', versionNumber: 2, statusDetails: { step: 'taken' }, jobDocument: JOB.document };
  expect(ask('start-next', { statusDetails: { step: 'taken' }, clientToken: 't' })).toMatchObject({
    kind: 'accepted',
    execution,
    clientToken: 't',
  });
  // What comes next has not changed.
  expect(told('notify-next')).toEqual([]);
  // Asked again, as after a restart: the same one, untouched.
  expect(ask('start-next', { statusDetails: { step: 'again' } })).toMatchObject({ execution });

  expect(ask('j1/update', { status: 'IN_PROGRESS', statusDetails: { step: '50' }, includeJobExecutionState: true })).toMatchObject({
    executionState: { status: 'IN_PROGRESS', statusDetails: { step: '50' }, versionNumber: 3 },
  });
  expect(ask('j1/update', { status: 'SUCCEEDED', expectedVersion: 3 })).toMatchObject({ kind: 'accepted' });
  expect(told('notify')).toMatchObject([{ jobs: {} }]);
  expect(told('notify-next')[0]).not.toHaveProperty('execution');
  expect(ask('start-next')).not.toHaveProperty('execution');
  expect(jobs.execution('j1')).toMatchObject({ status: 'SUCCEEDED', statusDetails: { step: '50' } });
});

test('jobs in progress come before queued ones, each in the order of their creation', () => {
  const { jobs, ask } = setUp();
  for (const jobId of ['a', 'b', 'c']) jobs.create({ ...JOB, jobId });
  ask('b/update', { status: 'IN_PROGRESS' });
  expect(ask('start-next')).toMatchObject({ execution: { jobId: 'b' } });
  ask('b/update', { status: 'FAILED' });
  expect(ask('$next/get')).toMatchObject({ execution: { jobId: 'a', status: 'QUEUED' } });
});

test.each([
  ['no JSON', '{', 'InvalidJson'],
  ['no object', '[]', 'InvalidJson'],
  ['no status', {}, 'InvalidRequest'],
  ['a status of the cloud', { status: 'CANCELED' }, 'InvalidRequest'],
  [
    'eleven details',
    { status: 'FAILED', statusDetails: Object.fromEntries([...'abcdefghijk'].map((key) => [key, 'x'])) },
    'InvalidRequest',
  ],
  ['a long detail', { status: 'FAILED', statusDetails: { reason: 'x'.repeat(129) } }, 'InvalidRequest'],
  ['a detail that is no string', { status: 'FAILED', statusDetails: { percent: 50 } }, 'InvalidRequest'],
  ['a step time-out of 0', { status: 'IN_PROGRESS', stepTimeoutInMinutes: 0 }, 'InvalidRequest'],
  ['another version', { status: 'IN_PROGRESS', expectedVersion: 7 }, 'VersionMismatch'],
  ['another attempt', { status: 'IN_PROGRESS', executionNumber: 2 }, 'ResourceNotFound'],
])('an update with %s is refused', (_, body, code) => {
  const { jobs, ask } = setUp();
  jobs.create(JOB);
  const answer = ask('j1/update', body);
  expect(answer).toMatchObject({ kind: 'rejected', code });
  if (code === 'VersionMismatch') expect(answer).toMatchObject({ executionState: { versionNumber: 1, status: 'QUEUED' } });
  expect(jobs.execution('j1')).toMatchObject({ status: 'QUEUED', versionNumber: 1 });
});

test('what has ended stays so, and is no longer described', () => {
  const { jobs, ask } = setUp();
  jobs.create(JOB);
  ask('j1/update', { status: 'REJECTED' });
  expect(ask('j1/update', { status: 'SUCCEEDED' })).toMatchObject({
    code: 'InvalidStateTransition',
    executionState: { status: 'REJECTED' },
  });
  expect(ask('j1/get')).toMatchObject({ code: 'TerminalStateReached' });
  jobs.delete('j1');
  expect(ask('j1/get')).toMatchObject({ code: 'ResourceNotFound' });
});

test("another Thing's job is not found", () => {
  const { jobs, ask } = setUp();
  jobs.create(JOB);
  expect(ask('j1/update', { status: 'SUCCEEDED' }, 'hub-2')).toMatchObject({ code: 'ResourceNotFound' });
});

test('canceled while queued; by force while in progress', () => {
  const { jobs, ask } = setUp();
  jobs.create({ ...JOB, retries: 3 });
  ask('start-next');
  jobs.cancel('j1');
  expect(jobs.execution('j1')?.status).toBe('IN_PROGRESS');
  jobs.cancel('j1', { force: true });
  expect(ask('j1/update', { status: 'SUCCEEDED' })).toMatchObject({ executionState: { status: 'CANCELED' } });
  expect(jobs.execution('j1')?.executionNumber).toBe(1);
});

test('timers: the one of the job cannot be moved, the one of the step is reset and discarded by the device', () => {
  const { clock, jobs, ask } = setUp();
  jobs.create({ ...JOB, inProgressTimeoutMinutes: 30, retries: 1 });
  clock.step(3_600_000);
  ask('start-next', { stepTimeoutInMinutes: 2 });
  clock.step(119_999);
  ask('j1/update', { status: 'IN_PROGRESS', stepTimeoutInMinutes: 2 });
  clock.step(119_999);
  ask('j1/update', { status: 'IN_PROGRESS', stepTimeoutInMinutes: -1 });
  clock.step(1_560_001);
  expect(jobs.execution('j1', 1)?.status).toBe('IN_PROGRESS');
  clock.step(1);
  expect(jobs.execution('j1', 1)?.status).toBe('TIMED_OUT');
  // The cloud tries again: another execution of the same job.
  expect(jobs.execution('j1')).toMatchObject({ executionNumber: 2, status: 'QUEUED', statusDetails: {} });
  ask('start-next', { stepTimeoutInMinutes: 1 });
  clock.step(60_000);
  expect(jobs.execution('j1', 2)?.status).toBe('TIMED_OUT');
  expect(jobs.execution('j1', 3)).toBeNull();
});

test('each read of a document has presigned URLs of its own', () => {
  const { jobs, ask } = setUp();
  const at = (kind: string, key: string) => `\${aws:iot:s3-presigned-url${kind}:https://s3.eu-central-1.amazonaws.com/releases/${key}}`;
  const document = {
    parts: { a: at('-v2', 'parts/a'), b: at('', 'parts/b') },
    to: at('-upload', `${'$'}{thingName}/${'$'}{jobId}-${'$'}{executionNumber}.tar`),
  };
  jobs.create({ ...JOB, document });
  expect(ask('j1/get')?.execution.jobDocument).toEqual({
    parts: { a: 'https://store/releases/parts/a?get=4', b: 'https://store/releases/parts/b?get=5' },
    to: 'https://store/releases/hub-1/j1-1.tar?put=6',
  });
  expect(ask('start-next')?.execution.jobDocument.parts.a).toBe('https://store/releases/parts/a?get=7');
});

test('throttled requests are not done; lost answers are', () => {
  const { jobs, ask, faults } = setUp();
  jobs.create(JOB);
  faults.throttled = 1;
  expect(ask('start-next')).toMatchObject({ kind: 'rejected', code: 'RequestThrottled' });
  faults.throttled = 0;
  faults.lost = 1;
  expect(ask('start-next')).toBeUndefined();
  expect(jobs.execution('j1')?.status).toBe('IN_PROGRESS');
});

test('a job that AWS would refuse is refused', () => {
  const { jobs } = setUp();
  expect(() => jobs.create({ ...JOB, jobId: 'a b' })).toThrow(RangeError);
  expect(() => jobs.create({ ...JOB, document: { text: 'x'.repeat(32_768) } })).toThrow('32 KB');
  expect(() => jobs.create({ ...JOB, inProgressTimeoutMinutes: 10_081 })).toThrow(RangeError);
  jobs.create(JOB);
  expect(() => jobs.create(JOB)).toThrow('already');
});
