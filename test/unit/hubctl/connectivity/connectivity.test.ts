import { expect, test } from 'vitest';
import { topicsOf } from '../../../../agent/contract/topics.ts';
import { operations } from '../../../../agent/hubctl/connectivity/session-check.ts';
import { settingsOf } from '../../../../agent/hubctl/machine/settings.ts';
import { jobsTopicsOf } from '../../../../agent/update/job-topics.ts';
import { allows, statementsOf } from '../../aws/iam.ts';

const THING = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01';
const places = (config: Record<string, unknown>) => ({
  configPath: '/etc/hub-agent/agent.json',
  identityPath: '/etc/hub-agent/identity.json',
  socketPath: '/run/x',
  stateDirectory: '/var/lib/x',
  credentialsDirectory: '/etc/hub-agent',
  config,
  identity: { hubId: THING },
  unreadable: [],
});
const tried = (config: Record<string, unknown>) => operations(settingsOf(places(config)));
const JOBS = { update: { jobs: true } };
const EXECUTIONS = { commands: { intake: ['shadow', 'executions'] } };

test.each([
  ['the shadow', {}, ['thing-policy.json']],
  ['executions', EXECUTIONS, ['thing-policy.json', 'thing-policy-executions.json']],
  ['jobs', JOBS, ['thing-policy.json', 'thing-policy-jobs.json']],
])('the policy that we hand out allows each operation that the doctor tries: %s', (_what, config, files) => {
  const statements = files.flatMap(statementsOf);
  for (const { operation, topic } of tried(config)) {
    const kind = operation === 'iot:Subscribe' ? 'topicfilter' : 'topic';
    expect({ operation, topic, allowed: allows(statements, THING, operation, `${kind}/${topic}`) }).toEqual({
      operation,
      topic,
      allowed: true,
    });
  }
});

test('with jobs, all that the agent does on the topics of jobs is tried', () => {
  const topics = jobsTopicsOf(THING);
  const ofJobs = (config: Record<string, unknown>) =>
    tried(config).flatMap(({ operation, topic }) => (topic.includes('/jobs/') ? `${operation} ${topic}` : []));
  expect(ofJobs({})).toEqual([]);
  expect(ofJobs(JOBS)).toEqual([
    `iot:Subscribe ${topics.filter}`,
    ...[topics.startNext, topics.describe('hubctl'), topics.update('hubctl')].map((topic) => `iot:Publish ${topic}`),
  ]);
});

test('all that the agent does on topics is tried', () => {
  const topics = topicsOf(THING);
  const shadow = `$aws/things/${THING}/shadow`;
  const names = tried(EXECUTIONS).map(({ operation, topic }) => `${operation} ${topic}`);
  expect(names).toEqual(
    expect.arrayContaining([
      ...[topics.presence, `${shadow}/get/+`, topics.executionRequests].map((topic) => `iot:Subscribe ${topic}`),
      ...['accepted', 'rejected', 'delta'].map((end) => `iot:Subscribe ${shadow}/update/${end}`),
      ...[topics.presence, `${shadow}/get`, `${shadow}/update`].map((topic) => `iot:Publish ${topic}`),
      `iot:Publish ${topics.commandResult('hubctl')}`,
      `iot:Publish ${topics.executionResponse('hubctl')}`,
    ]),
  );
});
