import { describe, expect, test } from 'vitest';
import type { Rig } from './rig/rig.ts';
import { ONE_PERIPHERAL, runsOf, SLOW_SCAN, startOnline, untilOnline, untilScanned } from './rig/start.ts';

interface PresenceMessage {
  state: 'online' | 'offline';
  session: string;
}

/** Every presence message from now on, and the retained one. */
function watchPresence(rig: Rig) {
  const topic = `hubs/${rig.hubId}/presence`;
  const seen: PresenceMessage[] = [];
  const parse = (payload: Buffer | null) => JSON.parse(String(payload)) as PresenceMessage;
  rig.iotCore.onMessage(topic, ({ payload }) => void seen.push(parse(payload)));
  return { topic, seen, retained: () => parse(rig.iotCore.retained(topic)) };
}

/** AWS's reason for each end of a connection of the hub from now on. */
function watchEnds(rig: Rig): string[] {
  const reasons: string[] = [];
  rig.iotCore.onEvent(({ kind, clientId, reason }) => {
    if (kind === 'disconnected' && clientId === rig.hubId) reasons.push(reason);
  });
  return reasons;
}

describe.concurrent('presence', () => {
  test('a killed agent is offline with the end of its connection, not of its keepalive: topic, shadow and API', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    const { seen, retained } = watchPresence(rig);
    const { session } = rig.reported();
    const ends = watchEnds(rig);
    void agent.kill();
    await rig.untilReported('offline', ({ online }) => online === false);
    expect(ends).toEqual(['CONNECTION_LOST']);
    expect(seen).toMatchObject([{ state: 'offline', session }]);
    expect(retained()).toMatchObject({ state: 'offline', session });
    expect((await rig.status()).body).toMatchObject({ online: false });
    expect((await rig.send('get_nodes')).status).toBe(502);
  });

  test('an agent that hangs is offline by its keepalive, and comes back by itself', async () => {
    const keepAliveSeconds = 2;
    await using world = await startOnline({
      config: { cloud: { keepAliveSeconds, allowShortKeepAlive: true } },
      iotCore: { limits: { minKeepAliveSeconds: 1 } },
    });
    const { rig, agent } = world;
    const { session } = rig.reported();
    const ends = watchEnds(rig);
    agent.pause();
    await rig.untilReported('offline', ({ online }) => online === false);
    expect(ends).toEqual(['MQTT_KEEP_ALIVE_TIMEOUT']);
    expect((await rig.status()).body).toMatchObject({ online: false });
    agent.resume();
    await untilOnline(rig, String(session));
    expect((await rig.status()).body).toMatchObject({ online: true });
  });

  test('a half-open link: the hub notices within its keepalive and connects anew', async () => {
    await using world = await startOnline({
      config: { cloud: { keepAliveSeconds: 2, allowShortKeepAlive: true } },
      iotCore: { limits: { minKeepAliveSeconds: 1 } },
    });
    const { rig, agent } = world;
    const { session } = rig.reported();
    expect(rig.iotCore.faults.halfOpen(rig.hubId)).toBe(true);
    expect(await agent.waitFor('cloud_down')).toMatchObject({ reason: expect.stringMatching(/keepalive|kicked|closed/) });
    await untilOnline(rig, String(session));
  });

  test('the late will of the old session leaves the hub online: topic, shadow and API', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    const { seen, retained } = watchPresence(rig);
    const old = String(rig.reported().session);
    // Longer than the hub needs to come back: it waits two seconds between two connects.
    rig.iotCore.faults.lateWill(rig.hubId, 6_000);
    rig.iotCore.faults.drop(rig.hubId);
    const session = await untilOnline(rig, old);
    expect(seen).toMatchObject([{ state: 'online', session }]);
    await agent.waitFor('presence_contradicted');
    await rig.until('the second birth', () => seen.length === 3);
    expect(seen).toMatchObject([{ state: 'online' }, { state: 'offline', session: old }, { state: 'online', session }]);
    expect(retained()).toMatchObject({ state: 'online', session });
    expect(rig.reported()).toMatchObject({ online: true, session });
    expect((await rig.status()).body).toMatchObject({ online: true });
  });

  test('an offline between the birth and the first report, in both sessions, twice: online in the end', async () => {
    await using world = await startOnline();
    const { rig } = world;
    const { topic, retained } = watchPresence(rig);
    const old = String(rig.reported().session);
    let disturbed = false;
    rig.iotCore.onMessage(topic, ({ payload }) => {
      const { state, session } = JSON.parse(String(payload)) as PresenceMessage;
      if (disturbed || state !== 'online' || session === old) return;
      disturbed = true;
      for (const stale of [old, old, session]) {
        rig.iotCore.publish(topic, JSON.stringify({ state: 'offline', session: stale, at: 1, version: '0' }), { retain: true });
      }
    });
    rig.iotCore.faults.drop(rig.hubId);
    await untilOnline(rig, old);
    await rig.until('online on the topic', () => retained().state === 'online');
    // Whatever the rule made of it meanwhile, a report follows the birth.
    await rig.untilReported('online', ({ online, session }) => online === true && session === retained().session);
    expect((await rig.status()).body).toMatchObject({ online: true });
  });

  test('a clean stop says goodbye and leaves nothing to the will', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const { seen, retained } = watchPresence(rig);
    const { session } = rig.reported();
    expect(await agent.stop()).toBe(0);
    expect(rig.reported()).toMatchObject({ online: false, session });
    expect(retained()).toMatchObject({ state: 'offline', session });
    expect(seen).toHaveLength(1);
    expect(rig.iotCore.connections()).toEqual([]);
    expect((await rig.status()).body).toMatchObject({ online: false });
  });

  test('SIGTERM while a scan runs: a clean stop, which waits for nothing; the next process runs it again and answers', async () => {
    await using world = await startOnline({ ...SLOW_SCAN, baudRate: 9600 });
    const { rig, agent } = world;
    await rig.send('get_nodes', { refresh: true });
    const { id } = await agent.waitFor('command_started');
    expect(await agent.stop()).toBe(0);
    expect(rig.reported()).toMatchObject({ online: false, lastCommand: { id, status: 'IN_PROGRESS' } });
    const next = rig.startAgent();
    expect(await rig.answer()).toMatchObject({ id, status: 'SUCCEEDED' });
    expect(runsOf(id, agent, next)).toBe(2);
    expect(rig.results.filter((page) => page.id === id)).toHaveLength(1);
  });

  test('SIGTERM with the cloud away: still a clean stop', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    await rig.iotCore.stop();
    await agent.waitFor('cloud_down');
    expect(await agent.stop()).toBe(0);
  });

  test('the broker restarts: the hub is back by itself and takes commands', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    const { session } = rig.reported();
    await rig.iotCore.stop();
    await agent.waitFor('cloud_down');
    await rig.iotCore.start();
    await untilOnline(rig, String(session));
    expect(await rig.run('get_nodes', { refresh: true })).toMatchObject({ status: 'SUCCEEDED', result: { total: 1 } });
    expect(await rig.run('server_info')).toMatchObject({ result: { cloud: { connected: true } } });
  });

  test('the cloud’s rule is late and writes offline under a newer session: the hub takes it back', async () => {
    await using world = await startOnline();
    const { rig } = world;
    const { session } = rig.reported();
    rig.iotCore.faults.drop(rig.hubId);
    await untilOnline(rig, String(session));
    rig.iotCore.shadow(rig.hubId).update({ state: { reported: { online: false } } });
    await untilOnline(rig);
  });

  test.each(['presence', 'shadow'])('links that fall in the middle of the %s, one after the other: nothing is given up', async (part) => {
    await using world = await startOnline({ ...ONE_PERIPHERAL, config: { cloud: { connect: { spreadSeconds: 0, maxBackoffMs: 2_000 } } } });
    const { rig } = world;
    const { session } = rig.reported();
    const filter = part === 'presence' ? `hubs/${rig.hubId}/presence` : `$aws/things/${rig.hubId}/shadow/get`;
    let falls = 0;
    rig.iotCore.onMessage(filter, ({ clientId, payload }) => {
      const offline = String(payload).includes('"offline"');
      if (clientId !== rig.hubId || offline || falls === 2) return;
      falls += 1;
      rig.iotCore.faults.drop(rig.hubId);
    });
    rig.iotCore.faults.drop(rig.hubId);
    await rig.until('both falls', () => falls === 2);
    await untilOnline(rig, String(session));
    expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });
    expect((await rig.status()).body).toMatchObject({ online: true });
  });

  test('kicked and refused for a while: the hub keeps trying', async () => {
    await using world = await startOnline();
    const { rig, agent } = world;
    const { session } = rig.reported();
    // 0x97: quota exceeded.
    rig.iotCore.faults.refuseConnect(0x97);
    rig.iotCore.faults.kick(rig.hubId);
    await agent.waitFor('cloud_down', { where: ({ reason }) => reason === 'kicked' });
    await agent.waitFor('cloud_down', { where: ({ reason }) => reason === 'refused' });
    rig.iotCore.faults.refuseConnect(null);
    await untilOnline(rig, String(session));
  });
});
