import { describe, expect, test } from 'vitest';
import type { AgentProcess } from './rig/agent-process.ts';
import type { Rig } from './rig/rig.ts';
import { ONE_PERIPHERAL, runsOf, SLOW_SCAN, startOnline, untilOnline, untilScanned, untilTaken } from './rig/start.ts';

const REFRESH = { refresh: true };
const pagesOf = (rig: Rig, id: unknown) => rig.results.filter((page) => page.id === id);

/** A started refresh, whose answer meets the fault. */
async function startRefresh(rig: Rig, agent: AgentProcess): Promise<unknown> {
  await untilScanned(rig);
  await rig.send('get_nodes', REFRESH);
  const { id } = await agent.waitFor('command_started');
  return id;
}

/** Answered, and once: not run again, nothing left in desired, the hub still takes commands. */
async function expectAnsweredOnce(rig: Rig, agents: AgentProcess[], id?: unknown): Promise<void> {
  const answer = await rig.answer();
  expect(answer).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED', result: { total: 1 } });
  if (id !== undefined) expect(answer.id).toBe(id);
  expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
  expect(runsOf(answer.id, ...agents)).toBe(1);
  expect(pagesOf(rig, answer.id).length).toBeGreaterThan(0);
  expect(rig.desired()).toEqual({});
}

describe.concurrent('whatever fails between', () => {
  test('killed in the middle of a scan: the next process runs it again and answers', async () => {
    await using world = await startOnline(SLOW_SCAN);
    const { rig, agent } = world;
    await rig.send('get_nodes', REFRESH);
    const { id } = await agent.waitFor('command_started');
    await agent.kill();
    const next = rig.startAgent();
    expect(await rig.answer()).toMatchObject({ id, status: 'SUCCEEDED' });
    expect(runsOf(id, next)).toBe(1);
    expect(pagesOf(rig, id)).toHaveLength(1);
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('the link falls while a command runs: answered after the next connect', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const id = await startRefresh(rig, agent);
    rig.iotCore.faults.drop(rig.hubId);
    await agent.waitFor('cloud_down');
    await expectAnsweredOnce(rig, [agent], id);
  });

  test('killed after the work, before the answer: answered by the next process, not run again', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const id = await startRefresh(rig, agent);
    await rig.iotCore.stop();
    await agent.waitFor('command_succeeded');
    // The journal is written before anything else is done; a stop waits for it, and the answer cannot get out.
    expect(await agent.stop()).toBe(0);
    await rig.iotCore.start();
    const next = rig.startAgent();
    await expectAnsweredOnce(rig, [agent, next], id);
  });

  test('the acknowledgement of a result page is lost', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    rig.iotCore.faults.losePubacks(1, `hubs/${rig.hubId}/commands/`);
    const id = await startRefresh(rig, agent);
    await expectAnsweredOnce(rig, [agent], id);
    expect(agent.lines.some(({ event }) => event === 'command_answer_failed')).toBe(true);
    expect(new Set(pagesOf(rig, id).map((page) => JSON.stringify(page))).size).toBe(1);
  });

  test('the Shadow service does what it is asked, and its answer to the taking is lost', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    rig.iotCore.faults.loseShadowResponses(1);
    await rig.send('get_nodes', REFRESH);
    await untilTaken(rig);
    expect(agent.lines.some(({ event }) => event === 'command_started')).toBe(false);
    await expectAnsweredOnce(rig, [agent]);
    expect(agent.lines.some(({ event }) => event === 'command_clear_failed')).toBe(true);
  });

  test('the Shadow service does what it is asked, and its answer to the result is lost', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const id = await startRefresh(rig, agent);
    rig.iotCore.faults.loseShadowResponses(1);
    await expectAnsweredOnce(rig, [agent], id);
    expect(agent.lines.some(({ event }) => event === 'command_answer_failed')).toBe(true);
  });

  test('the answer to the first read is lost: a command that waited is still taken', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const { session } = rig.reported();
    await untilScanned(rig);
    await rig.iotCore.stop();
    await agent.waitFor('cloud_down');
    rig.iotCore.shadow(rig.hubId).update({ state: { desired: { command: 'get_nodes', args: REFRESH } } });
    rig.iotCore.faults.loseShadowResponses(1);
    await rig.iotCore.start();
    await rig.until('a new session', () => rig.iotCore.connections().length === 1);
    await expectAnsweredOnce(rig, [agent]);
    await untilOnline(rig, String(session));
  });

  test('409 and 429 to the taking and to the result, and a true version conflict', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    let times = 0;
    const command = () => ({ ...REFRESH, times: ++times });

    /** One command; `before` and `during` set the faults for its taking and for its result. */
    async function go(failure: string, before: () => void, during: () => void): Promise<void> {
      const since = agent.lines.length;
      const known = agent.lines.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
      before();
      expect((await rig.send('get_nodes', command())).status).toBe(200);
      const { id } = await agent.waitFor('command_started', { since });
      during();
      expect(await rig.answer({ not: known })).toMatchObject({ id, status: 'SUCCEEDED', result: { total: 1 } });
      await agent.waitFor('command_answered', { since });
      expect(agent.lines.slice(since).some(({ event }) => event === failure)).toBe(true);
      expect(runsOf(id, agent)).toBe(1);
      expect(rig.desired()).toEqual({});
    }

    const nothing = () => {};
    // Twice: once is met by any report, and both by none that the hub makes at rest.
    const refuse = (code: number) => () => rig.iotCore.faults.failShadowUpdates(2, code);
    for (const code of [409, 429]) {
      await go('command_clear_failed', refuse(code), nothing);
      await go('command_answer_failed', nothing, refuse(code));
    }

    let conflicts = 0;
    const unsubscribe = rig.iotCore.onMessage(`$aws/things/${rig.hubId}/shadow/update`, ({ clientId, payload }) => {
      const { version } = JSON.parse(String(payload)) as { version?: number };
      if (clientId !== rig.hubId || version === undefined || conflicts === 3) return;
      conflicts += 1;
      rig.iotCore.shadow(rig.hubId).update({ state: { reported: { somebodyElses: conflicts } } });
    });
    await go('command_clear_failed', nothing, nothing);
    expect(conflicts).toBe(3);
    unsubscribe();
  });
});
