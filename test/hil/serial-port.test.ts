import { describe, expect, test } from 'vitest';
import { createRig } from './rig/rig.ts';
import { ONE_PERIPHERAL, startOnline, untilOnline, untilScanned } from './rig/start.ts';

const UNAVAILABLE = { state: 'unavailable', error: { code: 'bus_unavailable' } };

describe.concurrent('the serial port', () => {
  test('is missing at start and appears later: the hub is online without it, then finds what is on it', async () => {
    await using rig = await createRig(ONE_PERIPHERAL);
    await rig.provision();
    await rig.port!.yank();
    const agent = rig.startAgent();
    await untilOnline(rig);
    await agent.waitFor('bus_unavailable');
    expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED', result: { total: 0, buses: [UNAVAILABLE] } });
    expect(await rig.run('get_nodes', { refresh: true })).toMatchObject({ status: 'FAILED', error: { code: 'bus_unavailable' } });
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED', result: { buses: [UNAVAILABLE] } });
    await rig.port!.replug();
    await agent.waitFor('bus_up');
    // A busy machine may answer the first request of a scan too late: it is asked again by itself.
    await untilScanned(rig);
    expect(await rig.run('get_nodes', { refresh: true, again: 1 })).toMatchObject({
      status: 'SUCCEEDED',
      result: { total: 1, available: 1, buses: [{ state: 'up' }] },
    });
  });

  test('is pulled and plugged in again: the peripheral goes and comes back, as the same node', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    const before = await rig.run('get_nodes', { refresh: true });
    await rig.port!.yank();
    await agent.waitFor('bus_unavailable');
    await rig.untilReported('the peripheral gone', ({ nodes }) => (nodes as { available: number }).available === 0);
    const gone = await rig.run('get_nodes', { again: 1 });
    expect(gone).toMatchObject({
      result: { total: 1, available: 0, nodes: [{ nodeId: 'rs485/0', available: false }], buses: [UNAVAILABLE] },
    });
    const since = agent.lines.length;
    await rig.port!.replug();
    await agent.waitFor('bus_up', { since });
    await untilScanned(rig);
    const back = await rig.run('get_nodes', { refresh: true, again: 2 });
    expect(back).toMatchObject({ result: { total: 1, available: 1 } });
    const [was, is] = [before, back].map(({ result }) => (result as { nodes: Record<string, unknown>[] }).nodes[0]!);
    for (const fact of ['nodeId', 'serialNumber', 'firstSeen', 'firmwareVersion']) expect(is![fact]).toBe(was![fact]);
    expect(Date.parse(String(is!.lastSeen))).toBeGreaterThan(Date.parse(String(was!.lastSeen)));
  });

  test('is pulled while a scan waits: answered, not left open', async () => {
    await using world = await startOnline({ peripherals: [{ address: 0 }], baudRate: 9600 });
    const { rig, agent } = world;
    await rig.send('get_nodes', { refresh: true });
    await agent.waitFor('command_started');
    await rig.port!.yank();
    expect(await rig.answer()).toMatchObject({ status: 'FAILED', error: { code: 'bus_unavailable' } });
  });

  test('what was known before a restart is remembered while the port is away', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    const { id } = await rig.run('get_nodes', { refresh: true });
    await agent.stop();
    await rig.port!.yank();
    const { session } = rig.reported();
    rig.startAgent();
    await untilOnline(rig, String(session));
    const answer = await rig.run('get_nodes', { again: 1 });
    expect(answer.id).not.toBe(id);
    expect(answer).toMatchObject({
      result: { total: 1, available: 0, nodes: [{ nodeId: 'rs485/0', vendor: '5eca00', available: false }] },
    });
  });
});
