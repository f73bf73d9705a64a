import { describe, expect, test } from 'vitest';
import type { CommandExecution } from '../twins/iot-core/types.ts';
import type { Rig } from './rig/rig.ts';
import { createRig } from './rig/rig.ts';
import { ONE_PERIPHERAL, runsOf, startOnline, untilOnline, untilScanned } from './rig/start.ts';

const EXECUTIONS = { config: { commands: { intake: ['shadow', 'executions'] } } };

/** Starts an execution and waits for its final answer. */
async function execute(rig: Rig, payload: unknown, executionId?: string): Promise<CommandExecution> {
  const id = rig.iotCore.startExecution(rig.hubId, payload, { timeoutSeconds: 60, ...(executionId && { executionId }) });
  return rig.until('the execution answered', () => {
    const execution = rig.iotCore.execution(id);
    return execution && !['CREATED', 'IN_PROGRESS'].includes(execution.status) && execution;
  });
}

describe.concurrent('intakes', () => {
  test('a named shadow carries commands, answers and the claim; the classic one stays empty', async () => {
    await using rig = await createRig({ ...ONE_PERIPHERAL, shadowName: 'agent' });
    const agent = rig.startAgent();
    await untilOnline(rig);
    await untilScanned(rig);
    const shadow = rig.iotCore.shadow(rig.hubId, 'agent');
    const claim = { orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 };
    shadow.update({ state: { desired: { claim, command: 'get_nodes', args: { refresh: true } } } });
    const answer = await rig.answer();
    expect(answer).toMatchObject({ status: 'SUCCEEDED', result: { total: 1 } });
    expect(runsOf(answer.id, agent)).toBe(1);
    await rig.untilReported('the claim', (reported) => reported.claim);
    expect(rig.reported().claim).toEqual(claim);
    expect(rig.desired()).toEqual({ claim });
    expect(rig.iotCore.shadow(rig.hubId).get()).toBeNull();
    expect(await agent.stop()).toBe(0);
    expect(rig.reported().online).toBe(false);
  });

  test('native executions run beside the shadow, each answered in words of its own', async () => {
    await using world = await startOnline({ ...ONE_PERIPHERAL, ...EXECUTIONS });
    const { rig, agent } = world;
    await untilScanned(rig);
    await agent.waitFor('executions_open');
    const nodes = await execute(rig, { command: 'get_nodes', args: { refresh: true } });
    expect(nodes.status).toBe('SUCCEEDED');
    const { json, resultTopic } = nodes.result as { json: { s: string }; resultTopic: { s: string } };
    expect(JSON.parse(json.s)).toMatchObject({ total: 1, nodes: [{ nodeId: 'rs485/0' }] });
    expect(resultTopic.s).toBe(`hubs/${rig.hubId}/commands/${nodes.executionId}/result`);
    expect(rig.results.filter(({ id }) => id === nodes.executionId)).toHaveLength(1);
    expect(runsOf(nodes.executionId, agent)).toBe(1);

    expect(await execute(rig, { command: 'open_all_doors' })).toMatchObject({
      status: 'REJECTED',
      statusReason: { reasonCode: 'UNKNOWN_COMMAND' },
    });
    expect(await execute(rig, { command: 'set_wifi_credentials', args: { ssid: '' } })).toMatchObject({
      status: 'REJECTED',
      statusReason: { reasonCode: 'INVALID_ARGS' },
    });
    // The same payload, one id each: nothing merges.
    const twins = await Promise.all([1, 2].map(() => execute(rig, { command: 'server_info', args: {} })));
    for (const { executionId, status, acceptedResponses } of twins) {
      expect({ status, acceptedResponses }).toEqual({ status: 'SUCCEEDED', acceptedResponses: 1 });
      expect(runsOf(executionId, agent)).toBe(1);
    }
    // The same request delivered again: one run.
    rig.iotCore.publish(
      `$aws/commands/things/${rig.hubId}/executions/${nodes.executionId}/request/json`,
      JSON.stringify({ command: 'get_nodes', args: { refresh: true } }),
    );
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    expect(runsOf(nodes.executionId, agent)).toBe(1);
  });

  test('an account without the feature: the connection falls twice, then stays, and the shadow serves', async () => {
    await using rig = await createRig({ ...ONE_PERIPHERAL, ...EXECUTIONS });
    await rig.provision();
    rig.iotCore.faults.withoutCommandsFeature(true);
    let connects = 0;
    rig.iotCore.onEvent(({ kind }) => {
      if (kind === 'connected') connects += 1;
    });
    const agent = rig.startAgent();
    await agent.waitFor('cloud_operation_quarantined', { where: ({ operation }) => operation === 'executions' });
    const since = agent.lines.length;
    await agent.waitFor('cloud_online', { since });
    await untilOnline(rig);
    const before = connects;
    expect(before).toBeLessThanOrEqual(3);
    expect(await rig.run('get_nodes', { refresh: true })).toMatchObject({ status: 'SUCCEEDED' });
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED', result: { cloud: { connected: true } } });
    expect(connects).toBe(before);
  });
});
