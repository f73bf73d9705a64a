import { expect, test } from 'vitest';
import { presencePayload } from '../../../agent/contract/presence.ts';
import { topicsOf } from '../../../agent/contract/topics.ts';
import { matches } from '../../twins/iot-core/topics.ts';
import { ACCOUNT, allows, filledText, statementsOf } from './iam.ts';

const THING = '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01';

interface Rule {
  sql: string;
  awsIotSqlVersion: string;
  actions: { republish: { roleArn: string; topic: string; qos: number } }[];
}

const rule = JSON.parse(filledText('presence-rule.json')) as Rule;
const { republish } = rule.actions[0]!;
const [, select, from, state, level, role] =
  /^SELECT (.+) FROM '(.+)' WHERE state = '(\w+)' AND session = get_thing_shadow\(topic\((\d)\), '(.+)'\)\.state\.reported\.session$/.exec(
    rule.sql,
  )!;

test('it listens to the presence topic of every hub, and to nothing else of them', () => {
  const topics = topicsOf(THING);
  expect(matches(from!, topics.presence)).toBe(true);
  expect(matches(from!, topics.commandResult('c1'))).toBe(false);
});

test('it compares what the hub publishes: state, and the session with the one in the shadow of the Thing in the topic', () => {
  const payload = JSON.parse(presencePayload({ state: 'offline', session: 's', at: 1, version: '1' })) as Record<string, unknown>;
  expect(payload).toHaveProperty('session');
  expect(payload.state).toBe(state);
  expect(topicsOf(THING).presence.split('/')[Number(level) - 1]).toBe(THING);
});

test('it writes online: false, and nothing else, into that shadow', () => {
  expect(select).toBe('false AS state.reported.online');
  // `$$` stands for a reserved topic's `$` in a republish action.
  expect(republish.topic).toBe(`$$aws/things/\${topic(${level})}/shadow/update`);
  expect(republish.qos).toBe(1);
  expect(rule.awsIotSqlVersion).toBe('2016-03-23');
});

test('its role may read shadows and publish their updates, no more, and only AWS IoT of this account takes it', () => {
  expect(role).toBe(republish.roleArn);
  expect(role).toBe(`arn:aws:iam::${ACCOUNT}:role/hub-presence-rule`);
  const statements = statementsOf('presence-rule-role.json');
  expect(allows(statements, THING, 'iot:GetThingShadow', `thing/${THING}`)).toBe(true);
  expect(allows(statements, THING, 'iot:Publish', `topic/$aws/things/${THING}/shadow/update`)).toBe(true);
  expect(allows(statements, THING, 'iot:Publish', `topic/$aws/things/${THING}/shadow/delete`)).toBe(false);
  expect(allows(statements, THING, 'iot:Publish', `topic/hubs/${THING}/presence`)).toBe(false);
  const [trust] = JSON.parse(filledText('presence-rule-trust.json')).Statement;
  expect(trust).toMatchObject({
    Principal: { Service: 'iot.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT } },
  });
});

test('the instructions show the rule as it is', () => {
  const readme = filledText('README.md').replace(/\s+/g, ' ');
  expect(readme).toContain(rule.sql);
});
