import { afterEach, expect, test } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
afterEach(() => harness.stop());

test('serves MQTT 5 with the properties of AWS in the CONNACK', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.open('hub-1');
  const connack = await client.connect({ clientId: 'hub-1', keepalive: 5, properties: { sessionExpiryInterval: 999_999 } });
  expect(connack).toMatchObject({
    reasonCode: 0,
    sessionPresent: false,
    properties: {
      sessionExpiryInterval: 3600,
      receiveMaximum: 100,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: 149_504,
      topicAliasMaximum: 8,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: 30,
    },
  });
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
});

test('carries messages from an MQTT 3.1.1 to an MQTT 5 client, both ways of QoS', async () => {
  harness = await startHarness(['hub-1', 'hub-2']);
  const old = await harness.connect('hub-1', { protocolVersion: 4 });
  const suback = await old.subscribe(['hubs/hub-1/#']);
  expect(suback.granted).toEqual([1]);
  await old.publish('hubs/hub-1/a', 'one');
  old.send({ cmd: 'publish', topic: 'hubs/hub-1/b', payload: 'two', qos: 0, dup: false, retain: false });
  expect(await old.next('publish')).toMatchObject({ topic: 'hubs/hub-1/a', qos: 1 });
  expect(await old.next('publish')).toMatchObject({ topic: 'hubs/hub-1/b', qos: 0 });
  const seen = await harness.message(({ topic }) => topic === 'hubs/hub-1/b');
  expect(seen).toMatchObject({ clientId: 'hub-1', qos: 0, retain: false });
  expect(seen.payload.toString()).toBe('two');
});

test('answers shadow requests over MQTT', async () => {
  harness = await startHarness(['hub-1']);
  const client = await harness.connect('hub-1');
  await client.subscribe(['$aws/things/hub-1/shadow/#']);
  await client.publish('$aws/things/hub-1/shadow/get', { clientToken: 't1' });
  const missing = await client.next('publish', ({ topic }) => topic.endsWith('/get/rejected'));
  expect(JSON.parse(missing.payload.toString())).toMatchObject({ code: 404, clientToken: 't1' });
  await client.publish('$aws/things/hub-1/shadow/update', { state: { reported: { online: true } } });
  const accepted = await client.next('publish', ({ topic }) => topic.endsWith('/update/accepted'));
  expect(JSON.parse(accepted.payload.toString())).toMatchObject({ version: 1, state: { reported: { online: true } } });
  expect(harness.core.shadow('hub-1').get()).toMatchObject({ version: 1 });
  harness.core.shadow('hub-1').update({ state: { desired: { command: 'get_nodes' } } });
  const delta = await client.next('publish', ({ topic }) => topic.endsWith('/update/delta'));
  expect(JSON.parse(delta.payload.toString())).toMatchObject({ version: 2, state: { command: 'get_nodes' } });
});

test('runs a native command execution over its topics', async () => {
  harness = await startHarness(['hub-1']);
  const { core } = harness;
  const client = await harness.connect('hub-1');
  const base = '$aws/commands/things/hub-1/executions';
  await client.subscribe([`${base}/+/request/json`, `${base}/+/response/accepted/json`, `${base}/+/response/rejected/json`]);
  const statuses: string[] = [];
  core.onExecution(({ status }) => void statuses.push(status));
  const id = core.startExecution('hub-1', { command: 'server_info', args: {} });
  const request = await client.next('publish');
  const properties = { contentType: 'application/json', messageExpiryInterval: 10 };
  expect(request).toMatchObject({ topic: `${base}/${id}/request/json`, qos: 1, properties });
  expect(JSON.parse(request.payload.toString())).toEqual({ command: 'server_info', args: {} });
  await client.publish(`${base}/${id}/response/json`, { status: 'SUCCEEDED', result: { uptimeSeconds: { s: '86400' } } });
  expect(await client.next('publish')).toMatchObject({ topic: `${base}/${id}/response/accepted/json` });
  await client.publish(`${base}/${id}/response/json`, { status: 'FAILED' });
  expect(await client.next('publish')).toMatchObject({ topic: `${base}/${id}/response/rejected/json` });
  expect(statuses).toEqual(['SUCCEEDED']);
  expect(core.execution(id)).toMatchObject({ status: 'SUCCEEDED', acceptedResponses: 1, rejectedResponses: 1 });
});

test('rules of the cloud see what passes, without retained replays, until they are taken away', async () => {
  harness = await startHarness(['hub-1']);
  const { core } = harness;
  core.publish('hubs/hub-1/presence', 'before', { retain: true });
  const seen: string[] = [];
  const remove = core.onMessage('hubs/+/presence', ({ payload }) => void seen.push(payload.toString()));
  const client = await harness.connect('hub-1');
  await client.publish('hubs/hub-1/presence', 'online');
  await client.publish('hubs/hub-1/other', 'x');
  remove();
  await client.publish('hubs/hub-1/presence', 'offline');
  expect(seen).toEqual(['online']);
});
