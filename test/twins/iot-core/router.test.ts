import { expect, test } from 'vitest';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { AWS_LIMITS } from './limits.ts';
import { isAllowed, observerOf } from './policy.ts';
import { createRouter } from './router.ts';
import { createSession, type Session } from './session.ts';
import { covers, isTopicFilter, matches, parseExecutionResponseTopic, parseShadowRequestTopic, parseSharedFilter } from './topics.ts';

test.each([
  ['a/b', 'a/b', true],
  ['a/+', 'a/b', true],
  ['a/+', 'a/b/c', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['+/b', 'a/b', true],
  ['#', 'a/b', true],
  ['#', '$aws/x', false],
  ['+/x', '$aws/x', false],
  ['$aws/#', '$aws/x', true],
  ['a/b', 'a', false],
])('filter %s on topic %s: %s', (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected);
});

test.each([
  ['a/#', 'a/b', true],
  ['a/#', 'a/+/c', true],
  ['a/#', 'a/#', true],
  ['a/+/c', 'a/+/c', true],
  ['a/+/c', 'a/#', false],
  ['a/b', 'a/+', false],
  ['a/#', '#', false],
  ['a/+', 'a/b/c', false],
])('pattern %s covers filter %s: %s', (pattern, filter, expected) => {
  expect(covers(pattern, filter)).toBe(expected);
});

test('forms of filters and reserved topics', () => {
  expect(['a/+/#', '#', '+', '/'].every(isTopicFilter)).toBe(true);
  expect(['', 'a+', 'a/#/b', 'a#'].some(isTopicFilter)).toBe(false);
  expect(parseSharedFilter('$share/g/a/#')).toEqual({ group: 'g', filter: 'a/#' });
  expect(parseSharedFilter('$share/g')).toBeNull();
  expect(parseSharedFilter('$share/g+/a')).toBeNull();
  expect(parseShadowRequestTopic('$aws/things/t/shadow/get')).toEqual({ thingName: 't', shadowName: null, operation: 'get' });
  expect(parseShadowRequestTopic('$aws/things/t/shadow/name/n/update')).toEqual({ thingName: 't', shadowName: 'n', operation: 'update' });
  expect(parseShadowRequestTopic('$aws/things/t/shadow/update/accepted')).toBeNull();
  expect(parseExecutionResponseTopic('$aws/commands/things/t/executions/e/response/json')).toEqual({ thingName: 't', executionId: 'e' });
});

test('an observer subscribes to what its Thing may, and publishes nothing', () => {
  const subscribes = (filter: string) => isAllowed(observerOf('t'), 'subscribe', filter);
  expect(subscribes('hubs/t/#') && subscribes('$aws/things/t/shadow/update/documents')).toBe(true);
  for (const filter of ['hubs/other/#', '#', 'hubs/observer-t/#']) expect(subscribes(filter)).toBe(false);
  for (const topic of ['hubs/t/presence', 'hubs/observer-t/x', '$aws/things/t/shadow/update']) {
    expect(isAllowed(observerOf('t'), 'publish', topic)).toBe(false);
  }
});

test('the policy lets a Thing have its own shadow, executions, jobs and topics, and nothing else', () => {
  const publishes = (topic: string) => isAllowed('t', 'publish', topic);
  const subscribes = (filter: string) => isAllowed('t', 'subscribe', filter);
  expect(
    ['$aws/things/t/shadow/update', '$aws/things/t/shadow/name/n/get', 'hubs/t/presence', 'hubs/t/commands/1/result'].every(publishes),
  ).toBe(true);
  expect(publishes('$aws/commands/things/t/executions/e/response/json')).toBe(true);
  expect(['$aws/things/t/jobs/start-next', '$aws/things/t/jobs/j/get', '$aws/things/t/jobs/j/update'].every(publishes)).toBe(true);
  expect(
    ['$aws/things/t/shadow/update/delta', '$aws/things/t/jobs/get', '$aws/things/u/shadow/get', 'hubs/u/presence', 'x'].some(publishes),
  ).toBe(false);
  expect(
    [
      '$aws/things/t/shadow/update/+',
      '$aws/things/t/shadow/#',
      '$aws/commands/things/t/executions/+/request/json',
      '$aws/things/t/jobs/#',
    ].every(subscribes),
  ).toBe(true);
  expect(['$aws/things/t/#', '$aws/things/+/shadow/get', '$aws/things/u/jobs/#', 'hubs/#', '#'].some(subscribes)).toBe(false);
});

test('shared subscriptions: connected members take turns', () => {
  const clock = createMonotonicClock();
  const sessions = new Map<string, Session>();
  const router = createRouter(sessions, clock.nowMs);
  const got: string[] = [];
  for (const name of ['a', 'b', 'offline']) {
    const session = createSession(name, clock, AWS_LIMITS);
    const filter = '$share/g/x/#';
    session.subscriptions.set(filter, { filter, match: 'x/#', shareGroup: 'g', qos: 0, noLocal: false, retainAsPublished: false });
    sessions.set(name, session);
    if (name === 'offline') continue;
    session.attach({
      window: 1,
      send(packet) {
        got.push(`${name}${packet.payload}`);
        return true;
      },
    });
  }
  for (const text of ['1', '2', '3']) {
    router.publish({ topic: 'x/y', payload: Buffer.from(text), qos: 0, retain: false, clientId: null, properties: {}, expiresAtMs: null });
  }
  expect(got).toEqual(['a1', 'b2', 'a3']);
});
