import { describe, expect, test } from 'vitest';
import { topicsOf } from '../../../agent/contract/topics.ts';
import { jobsTopicsOf } from '../../../agent/update/job-topics.ts';
import { isAllowed } from '../../twins/iot-core/policy.ts';
import { allows, filledText, type Statement, statementsOf, THING_VARIABLE } from './iam.ts';

const THING = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01';
const OTHER = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a02';
/** AWS IoT: characters of a policy document, white space not counted. */
const MAX_POLICY_LENGTH = 2_048;

const hub = statementsOf('thing-policy.json');
const executions = statementsOf('thing-policy-executions.json');
const jobs = statementsOf('thing-policy-jobs.json');

/** What the agent does on topics, from the contract; the shadow's filters are those of the SDK's shadow client. */
function used(thing: string) {
  const topics = topicsOf(thing);
  const shadow = `$aws/things/${thing}/shadow`;
  const jobTopics = jobsTopicsOf(thing);
  const asked = [jobTopics.startNext, jobTopics.describe('j-1'), jobTopics.update('j-1')];
  return {
    publish: [topics.presence, topics.commandResult('shadow-1795300000-0123abcd'), `${shadow}/get`, `${shadow}/update`],
    subscribe: [topics.presence, `${shadow}/get/+`, `${shadow}/update/accepted`, `${shadow}/update/rejected`, `${shadow}/update/delta`],
    receive: [
      topics.presence,
      ...['get/accepted', 'get/rejected', 'update/accepted', 'update/rejected', 'update/delta'].map((end) => `${shadow}/${end}`),
    ],
    executions: {
      publish: [topics.executionResponse('e-1')],
      subscribe: [topics.executionRequests],
      receive: [topics.executionRequests.replace('+', 'e-1')],
    },
    jobs: {
      publish: asked,
      subscribe: [jobTopics.filter],
      receive: [jobTopics.filter.replace('#', 'notify-next'), ...asked.flatMap((topic) => [`${topic}/accepted`, `${topic}/rejected`])],
    },
  };
}

function allAllowed(
  statements: Statement[],
  thing: string,
  what: { publish: string[]; subscribe: string[]; receive: string[] },
): boolean[] {
  return [
    ...what.publish.map((topic) => allows(statements, thing, 'iot:Publish', `topic/${topic}`)),
    ...what.subscribe.map((filter) => allows(statements, thing, 'iot:Subscribe', `topicfilter/${filter}`)),
    ...what.receive.map((topic) => allows(statements, thing, 'iot:Receive', `topic/${topic}`)),
  ];
}

describe('the policy of a hub', () => {
  test('lets a hub do all that the agent does', () => {
    expect(new Set(allAllowed(hub, THING, used(THING)))).toEqual(new Set([true]));
    expect(allows(hub, THING, 'iot:Connect', `client/${THING}`)).toBe(true);
    expect(allows(hub, THING, 'iot:RetainPublish', `topic/${topicsOf(THING).presence}`)).toBe(true);
  });

  test('executions come with the second policy, and only with it', () => {
    expect(new Set(allAllowed(executions, THING, used(THING).executions))).toEqual(new Set([true]));
    expect(new Set(allAllowed(hub, THING, used(THING).executions))).toEqual(new Set([false]));
  });

  test('jobs come with the third policy, and only with it', () => {
    expect(new Set(allAllowed(jobs, THING, used(THING).jobs))).toEqual(new Set([true]));
    expect(new Set(allAllowed([...hub, ...executions], THING, used(THING).jobs))).toEqual(new Set([false]));
  });

  test('nothing of another hub', () => {
    const both = [...hub, ...executions, ...jobs];
    expect(new Set(allAllowed(both, THING, used(OTHER).jobs))).toEqual(new Set([false]));
    expect(new Set(allAllowed(both, THING, used(OTHER)))).toEqual(new Set([false]));
    expect(new Set(allAllowed(both, THING, used(OTHER).executions))).toEqual(new Set([false]));
    expect(allows(both, THING, 'iot:Connect', `client/${OTHER}`)).toBe(false);
  });

  test.each([
    ['iot:Subscribe', 'topicfilter/#'],
    ['iot:Subscribe', 'topicfilter/hubs/+/presence'],
    ['iot:Subscribe', `topicfilter/hubs/${THING}/#`],
    ['iot:Subscribe', `topicfilter/$aws/things/${THING}/shadow/#`],
    ['iot:Publish', `topic/$aws/things/${THING}/shadow/delete`],
    ['iot:Publish', `topic/$aws/things/${THING}/shadow/update/accepted`],
    ['iot:Publish', `topic/$aws/things/${THING}/shadow/update/delta`],
    ['iot:RetainPublish', `topic/hubs/${THING}/commands/c1/result`],
    ['iot:Publish', `topic/hubs/${THING}`],
    ['iot:UpdateThingShadow', `thing/${THING}`],
  ])('no more than that: %s %s', (action, resource) => {
    expect(allows([...hub, ...executions], THING, action, resource)).toBe(false);
  });

  test('the client id must be the attached Thing, and a CONNECT may bring a will', () => {
    const connect = hub.find(({ Action }) => Action === 'iot:Connect')!;
    expect(connect.Condition).toEqual({
      Bool: { 'iot:Connection.Thing.IsAttached': 'true' },
      'ForAllValues:StringEquals': { 'iot:ConnectAttributes': ['LastWill'] },
    });
  });

  test('what is left open is the id of a command, and which of its shadow’s answers a hub may hear', () => {
    const resources = [...hub, ...executions].flatMap(({ Resource }) => Resource);
    const open = resources.filter((resource) => resource.includes('*')).map((resource) => resource.split(':').slice(5).join(':'));
    const thing = THING_VARIABLE;
    expect(open).toEqual([
      `topic/hubs/${thing}/commands/*/result`,
      `topic/$aws/things/${thing}/shadow/get/*`,
      `topic/$aws/things/${thing}/shadow/update/*`,
      `topic/$aws/commands/things/${thing}/executions/*/request/json`,
      `topic/$aws/commands/things/${thing}/executions/*/response/json`,
    ]);
  });

  test.each(['thing-policy.json', 'thing-policy-executions.json', 'thing-policy-jobs.json'])('%s is short enough for AWS', (name) => {
    expect(filledText(name).replace(/\s/g, '').length).toBeLessThanOrEqual(MAX_POLICY_LENGTH);
  });

  test('the virtual IoT Core lets a hub do the same', () => {
    const { publish, subscribe, executions: extra, jobs: more } = used(THING);
    for (const topic of [...publish, ...extra.publish, ...more.publish]) expect(isAllowed(THING, 'publish', topic)).toBe(true);
    for (const filter of [...subscribe, ...extra.subscribe, ...more.subscribe]) expect(isAllowed(THING, 'subscribe', filter)).toBe(true);
    for (const topic of used(OTHER).publish) expect(isAllowed(THING, 'publish', topic)).toBe(false);
    for (const filter of used(OTHER).subscribe) expect(isAllowed(THING, 'subscribe', filter)).toBe(false);
  });
});
