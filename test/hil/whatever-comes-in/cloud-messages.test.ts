import { expect, test } from 'vitest';
import { runHubctl } from '../rig/hubctl.ts';
import type { Rig } from '../rig/rig.ts';
import { ONE_PERIPHERAL, startOnline, untilScanned } from '../rig/start.ts';

const EXECUTIONS = { config: { commands: { intake: ['shadow', 'executions'] } } };

/** Every topic on which something can reach a hub. */
const topicsOf = ({ hubId }: Rig) => [
  `hubs/${hubId}/presence`,
  ...['update/delta', 'update/accepted', 'update/rejected', 'get/accepted', 'get/rejected'].map(
    (topic) => `$aws/things/${hubId}/shadow/${topic}`,
  ),
  `$aws/commands/things/${hubId}/executions/ex-1/request/json`,
];

const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`;

/** The payloads by name. */
const PAYLOADS: Readonly<Record<string, string | Buffer>> = {
  'an empty message': '',
  null: 'null',
  'a list': '[]',
  'a text': '"text"',
  'no UTF-8': Buffer.from([0xff, 0xfe, 0x00, 0xc3]),
  'deep lists': nested(30_000, '[', ']'),
  'a deep delta': `{"version":1,"timestamp":1,"state":{"command":"get_nodes","args":${nested(20_000, '{"a":', '}')}},"metadata":{}}`,
  'deep args': `{"command":"get_nodes","args":${nested(20_000, '{"a":', '}')}}`,
  'a delta of nothing': '{"version":null,"timestamp":"x","state":null,"metadata":[null]}',
  'a delta whose command is a list': '{"version":2,"timestamp":2,"state":{"command":[[]],"args":7},"metadata":{"command":null}}',
};

test('No payload on any topic ends the agent, is a fault, or keeps it from the next command', async () => {
  await using world = await startOnline({ ...ONE_PERIPHERAL, ...EXECUTIONS });
  const { rig, agent } = world;
  await untilScanned(rig);
  await agent.waitFor('executions_open');
  for (const payload of Object.values(PAYLOADS)) for (const topic of topicsOf(rig)) rig.iotCore.publish(topic, payload, { qos: 1 });

  const id = rig.iotCore.startExecution(rig.hubId, { command: 'get_nodes' }, { timeoutSeconds: 60 });
  await rig.until('the execution answered', () => rig.iotCore.execution(id)?.status === 'SUCCEEDED');
  // The commands of the payloads have timestamp 0, and are answered too.
  await rig.send('get_nodes');
  await rig.untilReported('the command answered', ({ lastCommand }) => {
    const { id, status } = (lastCommand ?? {}) as { id?: string; status?: string };
    return status === 'SUCCEEDED' && id?.startsWith('shadow-0-') === false;
  });

  const { terminal } = await runHubctl(rig, 'status --json');
  const { agent: now } = terminal.json() as { agent: { pid: number; faults: unknown[] } };
  expect(now).toMatchObject({ pid: agent.pid, faults: [] });
  expect(await agent.stop()).toBe(0);
});

test('A retained presence that is cleared or overwritten is published again, and the hub serves on', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  const topic = `hubs/${rig.hubId}/presence`;
  for (const payload of ['', 'junk', '{"state":"away"}']) {
    rig.iotCore.publish(topic, payload, { qos: 1, retain: true });
    await rig.until('the birth again', () => rig.iotCore.retained(topic)?.toString().includes('"online"'));
  }
  expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
  expect(await agent.stop()).toBe(0);
});

test('A command that another writer has put into the reported state does not hide the next one like it', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  rig.iotCore.shadow(rig.hubId).update({ state: { reported: { command: 'get_nodes', args: { refresh: true }, theirs: 1 } } });
  // At the latest with its next session the hub sees it.
  rig.iotCore.faults.kick(rig.hubId);
  await rig.untilReported('the words of the command gone', ({ command, args }) => command === undefined && args === undefined);
  expect(await rig.run('get_nodes', { refresh: true })).toMatchObject({ status: 'SUCCEEDED' });
  expect(rig.reported().theirs).toBe(1);
  expect(await agent.stop()).toBe(0);
});

test('Numbers that are no times, in a delta and in what another wrote as ours: answered under a plain id, and shown', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  const shadow = rig.iotCore.shadow(rig.hubId);
  const answered: string[] = [];
  rig.onMessage(({ topic }) => {
    const [, id] = /\/commands\/([^/]+)\/result$/.exec(topic) ?? [];
    if (id !== undefined) answered.push(id);
  });
  for (const [index, timestamp] of [1e300, 1.5, -7, 2 ** 53].entries()) {
    const delta = { version: shadow.get()!.version, timestamp, state: { command: `none-${index}` }, metadata: { command: { timestamp } } };
    rig.iotCore.publish(`$aws/things/${rig.hubId}/shadow/update/delta`, JSON.stringify(delta), { qos: 1 });
    await rig.until('an answer', () => answered.length > index);
  }
  for (const id of answered) expect(id).toMatch(/^shadow-0-[0-9a-f]{8}$/);

  // A command in progress that this hub does not know is answered as interrupted.
  const lastCommand = { id: 'shadow-1-0123abcd', command: 'x', status: 'IN_PROGRESS', receivedAt: 1e300, result: null, error: null };
  shadow.update({ state: { reported: { lastCommand } } });
  rig.iotCore.faults.kick(rig.hubId);
  await rig.until('the answer of the unknown command', () => answered.includes('shadow-1-0123abcd'));
  for (const line of ['commands', 'status']) {
    const { code, terminal } = await runHubctl(rig, line);
    // 1: that the connection was made again is something to tell.
    expect([0, 1], terminal.text()).toContain(code);
  }
  expect(await agent.stop()).toBe(0);
});
