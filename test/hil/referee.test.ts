import { describe, expect, test } from 'vitest';
import { version } from '../../agent/system/version.ts';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { findMosquitto } from './mosquitto/broker.ts';
import { createRefereeHub, type RefereeHub } from './referee/hub.ts';
import { type Referee, startReferee } from './referee/referee.ts';
import type { AgentProcess } from './rig/agent-process.ts';
import { runHubctl } from './rig/hubctl.ts';
import { runsOf } from './rig/start.ts';
import { startRigWifi, WITH_WIFI } from './rig/wifi.ts';

/** Set where the referee must not be missing. */
const REQUIRED = process.env.HUB_REQUIRE_MOSQUITTO === '1';
const COMMAND = findMosquitto();
const PASSWORD = 'correct horse battery';

if (COMMAND === null && !REQUIRED) process.stdout.write('skipped: the agent in the hands of the referee (apt-get install mosquitto)\n');

test.runIf(COMMAND === null && REQUIRED)('Mosquitto is installed', () => {
  throw new Error('HUB_REQUIRE_MOSQUITTO is set, and mosquitto is not installed (apt-get install mosquitto)');
});

interface World extends AsyncDisposable {
  referee: Referee;
  hub: RefereeHub;
  agent: AgentProcess;
}

/** A hub that is online. Faults are the Shadow service's own, so each test has one of its own. */
async function start(options: { config?: Record<string, unknown>; env?: Record<string, string> } = {}): Promise<World> {
  const referee = await startReferee(COMMAND!);
  try {
    const hub = await createRefereeHub(referee, options.config);
    const agent = hub.startAgent(options.env);
    await hub.untilOnline();
    return {
      referee,
      hub,
      agent,
      async [Symbol.asyncDispose]() {
        await hub[Symbol.asyncDispose]();
        await referee[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await referee[Symbol.asyncDispose]();
    throw error;
  }
}

/** What may lie on any topic, whoever put it there. */
const JUNK: [what: string, payload: Buffer][] = [
  ['nothing at all', Buffer.alloc(0)],
  ['one byte of nothing', Buffer.from([0])],
  ['null', Buffer.from('null')],
  ['a list', Buffer.from('[]')],
  ['a text', Buffer.from('"state"')],
  ['half a document', Buffer.from('{"state":{"command":')],
  ['a state of null', Buffer.from('{"state":null,"version":null,"timestamp":null}')],
  ['numbers that are none', Buffer.from('{"state":{"command":"get_nodes"},"version":1e999,"timestamp":-1}')],
  ['a version of text', Buffer.from('{"state":{},"metadata":{},"version":"1","timestamp":"now"}')],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ['depth', Buffer.from(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)],
  ['deep objects', Buffer.from(`${'{"state":'.repeat(10_000)}1${'}'.repeat(10_000)}`)],
  ['weight', Buffer.from(JSON.stringify({ state: { command: 'x'.repeat(120_000) } }))],
  ['a prototype', Buffer.from('{"state":{"__proto__":{"command":"get_nodes"},"constructor":{}},"version":1,"timestamp":1,"metadata":{}}')],
];

/** Topics on which messages can arrive, for every filter that the agent asked the broker for. */
function topicsFor(referee: Referee, { hubId }: RefereeHub): string[] {
  return referee.broker
    .subscriptions(hubId)
    .flatMap((filter) => (filter.includes('+') ? ['accepted', 'rejected', 'else'].map((name) => filter.replace('+', name)) : [filter]));
}

describe.runIf(COMMAND !== null).concurrent('a broker and a Shadow service that share nothing with the twins', () => {
  test('get_nodes and server_info are answered once, and gone from desired', async () => {
    await using world = await start();
    const { hub, agent } = world;
    const nodes = await hub.run('get_nodes');
    expect(nodes).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED', result: { total: 0 } });
    const info = await hub.run('server_info');
    expect(info).toMatchObject({ command: 'server_info', status: 'SUCCEEDED', result: { cloud: { connected: true } } });
    for (const { id } of [nodes, info]) {
      expect(runsOf(id, agent)).toBe(1);
      expect(hub.pages(id)).toMatchObject([{ id, status: 'SUCCEEDED', page: 1, pages: 1 }]);
    }
    expect(await hub.run('open_all_doors')).toMatchObject({ status: 'REJECTED', error: { code: 'unknown_command' } });
    expect(await hub.run('get_nodes', { refresh: 'yes' })).toMatchObject({ status: 'REJECTED', error: { code: 'invalid_args' } });
    expect(hub.desired()).toEqual({});
    expect(await agent.stop()).toBe(0);
    expect(hub.reported()).toMatchObject({ online: false });
  });

  test.skipIf(!hasDbusDaemon())('set_wifi_credentials: a wrong password rolls back, the right one moves the hub', async () => {
    await using wifi = await startRigWifi({ air: [{ ssid: 'büro', security: 'wpa-psk', password: PASSWORD }], speed: 50 });
    await using world = await start({ config: WITH_WIFI, env: wifi.env });
    const { hub } = world;
    expect(await hub.run('set_wifi_credentials', { ssid: 'büro', credentials: 'not the password' })).toMatchObject({
      status: 'FAILED',
      error: { code: 'wifi_authentication_failed' },
    });
    await wifi.untilNetwork('home');
    const { session } = hub.reported();
    expect(await hub.run('set_wifi_credentials', { ssid: 'büro', credentials: PASSWORD })).toMatchObject({
      status: 'SUCCEEDED',
      result: { ssid: 'büro', previousSsid: 'home' },
    });
    expect(wifi.hub.network()).toBe('büro');
    expect(hub.reported().session).not.toBe(session);
  });

  test.each([409, 429, 500])('%i to the taking, then to the result: answered once all the same', async (code) => {
    await using world = await start();
    const { referee, hub, agent } = world;
    await referee.order({ do: 'fail', code, times: 2 });
    const taken = await hub.run('get_nodes', { times: 1 });
    expect(taken).toMatchObject({ status: 'SUCCEEDED' });
    const before = hub.lastId();
    const since = agent.lines.length;
    await hub.send('get_nodes', { times: 2 });
    await agent.waitFor('command_started', { since });
    await referee.order({ do: 'fail', code, times: 2 });
    const answered = await hub.answer([before]);
    expect(answered).toMatchObject({ status: 'SUCCEEDED' });
    for (const { id } of [taken, answered]) expect(runsOf(id, agent)).toBe(1);
    expect(hub.desired()).toEqual({});
  });

  test.each([7_000, 7_600, 7_900])('a shadow of which others fill %i of 8,192 bytes: commands are cleared and answered', async (bytes) => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const others = bytes - Buffer.byteLength(JSON.stringify({ reported: hub.reported() }));
    await referee.order({ do: 'update', thing: hub.hubId, state: { reported: { somebodyElses: 'x'.repeat(others) } } });
    const before = hub.lastId();
    await hub.send('get_nodes');
    const { id } = await agent.waitFor('command_started');
    await hub.until('the command cleared', () => hub.desired().command === undefined);
    await hub.until('its result on the topic', () => hub.pages(id).length > 0);
    // Room is made: the next one is a command like any other.
    await referee.order({ do: 'update', thing: hub.hubId, state: { reported: { somebodyElses: null } } });
    expect(await hub.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    expect(before).not.toBe(id);
    expect(runsOf(id, agent)).toBe(1);
  });

  test('a delta that comes again and again, during the command and after it: run once', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const before = hub.lastId();
    await hub.send('get_nodes', { refresh: true });
    await referee.order({ do: 'repeatDelta', thing: hub.hubId, times: 5 });
    const { id } = await hub.answer([before]);
    await referee.order({ do: 'repeatDelta', thing: hub.hubId, times: 5 });
    expect(await hub.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    expect(runsOf(id, agent)).toBe(1);
    expect(hub.pages(id)).toHaveLength(1);
  });

  test('a delta that is lost: the command runs with the next one', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const before = hub.lastId();
    await referee.order({ do: 'loseDeltas', times: 1 });
    await hub.send('get_nodes');
    expect(hub.desired()).toMatchObject({ command: 'get_nodes' });
    // Any later update of the shadow publishes what still differs.
    await referee.order({ do: 'update', thing: hub.hubId, state: { reported: { somebodyElses: 1 } } });
    const { id, status } = await hub.answer([before]);
    expect(status).toBe('SUCCEEDED');
    expect(runsOf(id, agent)).toBe(1);
  });

  test('an answer of the Shadow service that is lost, to the taking and to the result', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    await referee.order({ do: 'loseAnswers', times: 1 });
    const taken = await hub.run('get_nodes', { times: 1 });
    const before = hub.lastId();
    const since = agent.lines.length;
    await hub.send('get_nodes', { times: 2 });
    await agent.waitFor('command_started', { since });
    await referee.order({ do: 'loseAnswers', times: 1 });
    const answered = await hub.answer([before]);
    expect(await hub.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    for (const { id } of [taken, answered]) expect(runsOf(id, agent)).toBe(1);
  });

  test('the broker restarts: online again by itself, and takes commands', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const { session } = hub.reported();
    await referee.restartBroker();
    await hub.untilOnline(session);
    expect(await hub.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
    expect(await agent.stop()).toBe(0);
  });

  test('the shadow is deleted while the hub is connected: it is told anew, all of it, and commands are taken', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    expect(await hub.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    const { session } = hub.reported();
    await referee.order({ do: 'delete', thing: hub.hubId });
    expect(await hub.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
    await hub.until('the whole report', () => hub.reported().serial === 'SN-1' && hub.reported().version === version);
    expect(hub.reported()).toMatchObject({ online: true, session, hubId: hub.hubId, model: 'HUB-1', vendorName: 'Example Locks' });
    expect(await agent.stop()).toBe(0);
  });

  test.each([
    ['taken away', { version: null, serial: null, hubId: null }],
    ['replaced', { version: '0.0.1', serial: 'somebody', online: false }],
  ])('what the hub reports is %s by others: it says it again with the next command', async (_what, change) => {
    await using world = await start();
    const { referee, hub } = world;
    const { session } = hub.reported();
    await referee.order({ do: 'update', thing: hub.hubId, state: { reported: change } });
    expect(await hub.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
    await hub.until('the report as it was', () => hub.reported().serial === 'SN-1' && hub.reported().version === version);
    expect(hub.reported()).toMatchObject({ online: true, session, hubId: hub.hubId });
  });

  test('a Shadow service that says nothing: hubctl tells it, and names the policy; when it speaks again the command is answered', async ({
    expect,
  }) => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const status = async () => (await runHubctl(hub, 'status')).terminal.text();
    await referee.order({ do: 'silent', on: true });
    const before = hub.lastId();
    await hub.send('get_nodes');
    await expect.poll(status, { interval: 1_000 }).toMatch(/iot:Receive|polic/i);
    expect(await status()).not.toContain('Nothing wrong in sight');
    const doctor = await runHubctl(hub, 'doctor');
    expect(doctor.code).toBe(1);
    expect(doctor.terminal.text()).toMatch(/iot:Receive/);
    await referee.order({ do: 'silent', on: false });
    const { id, status: answered } = await hub.answer([before]);
    expect(answered).toBe('SUCCEEDED');
    expect(runsOf(id, agent)).toBe(1);
  });

  test('junk on each topic that the agent subscribes to, live: it serves on, in the same process and session', async () => {
    await using world = await start();
    const { referee, hub, agent } = world;
    const { session } = hub.reported();
    const topics = topicsFor(referee, hub);
    expect(topics.length).toBeGreaterThan(4);
    for (const [what, payload] of JUNK) {
      for (const topic of topics) referee.cloud.publish(topic, payload);
      expect(await hub.run('server_info', { after: what }), what).toMatchObject({ status: 'SUCCEEDED' });
    }
    expect(hub.reported()).toMatchObject({ online: true, session });
    expect(agent.lines.filter(({ event }) => event === 'bug')).toEqual([]);
    expect(await agent.stop()).toBe(0);
  });

  test('junk that is retained on each topic, also its clearing: every start comes online and serves', async () => {
    await using world = await start();
    const { referee, hub } = world;
    const topics = topicsFor(referee, hub);
    let { agent } = world;
    for (const [what, payload] of JUNK) {
      if (payload.length === 0) continue;
      for (const topic of topics) referee.cloud.publish(topic, payload, { retain: true });
      const { session } = hub.reported();
      expect(await agent.stop(), what).toBe(0);
      agent = hub.startAgent();
      await hub.untilOnline(session);
      for (const topic of topics) referee.cloud.publish(topic, Buffer.alloc(0), { retain: true });
      expect(await hub.run('server_info', { after: what }), what).toMatchObject({ status: 'SUCCEEDED' });
    }
    expect(await agent.stop()).toBe(0);
  });
});
