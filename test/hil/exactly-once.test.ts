import { describe, expect, test } from 'vitest';
import type { Rig, RigOptions } from './rig/rig.ts';
import { createRig } from './rig/rig.ts';
import { ONE_PERIPHERAL, runsOf, startOnline, untilOnline, untilScanned, untilTaken } from './rig/start.ts';

/** A cloud whose clock stands: what happens within one second of it is the test's to say. */
function standingClock(): Pick<RigOptions, 'iotCore'> {
  const startedMs = Date.now();
  return { iotCore: { wallClock: { nowMs: () => startedMs } } };
}

/** Writes to the shadow as the cloud does when the API does not look whether the hub is there. */
function write(rig: Rig, desired: Record<string, unknown>): void {
  expect(rig.iotCore.shadow(rig.hubId).update({ state: { desired } }).ok).toBe(true);
}

const pagesOf = (rig: Rig, id: unknown) => rig.results.filter((page) => page.id === id);

describe.concurrent('exactly once', () => {
  test('the same command in two seconds is two, within one second it is one', async () => {
    await using world = await startOnline({ ...ONE_PERIPHERAL, ...standingClock() });
    const { rig, agent } = world;
    const first = await rig.run('get_nodes', {});
    await rig.send('get_nodes', {});
    await untilTaken(rig);
    rig.iotCore.faults.shiftClock(1_000);
    const second = await rig.run('get_nodes', {});
    expect(second.id).not.toBe(first.id);
    for (const { id, status } of [first, second]) {
      expect(status).toBe('SUCCEEDED');
      expect(id).toMatch(/^shadow-\d+-[0-9a-f]{8}$/);
      expect(runsOf(id, agent)).toBe(1);
      expect(pagesOf(rig, id)).toHaveLength(1);
    }
    expect(agent.lines.filter(({ event }) => event === 'command_started')).toHaveLength(2);
  });

  test('nothing that comes again or is left over in the shadow runs a command again', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    await untilScanned(rig);
    const report = (somebodyElses: number | null) =>
      expect(rig.iotCore.shadow(rig.hubId).update({ state: { reported: { somebodyElses } } }).ok).toBe(true);

    // The same delta again, while the command runs and after its answer.
    await rig.send('get_nodes', { refresh: true });
    const { id } = await agent.waitFor('command_started');
    for (let times = 0; times < 3; times += 1) rig.iotCore.faults.redeliverDelta(rig.hubId);
    const first = await rig.answer();
    expect(first.id).toBe(id);
    for (let times = 0; times < 3; times += 1) rig.iotCore.faults.redeliverDelta(rig.hubId);

    // Each update of the shadow publishes a delta with the command that still stands, because its clearing is refused.
    rig.iotCore.faults.failShadowUpdates(2, 500);
    await rig.send('get_nodes', { refresh: true, times: 2 });
    await agent.waitFor('command_clear_failed');
    for (let times = 0; times < 5; times += 1) report(times);
    expect(rig.desired()).toMatchObject({ command: 'get_nodes' });
    const second = await rig.answer({ not: [String(id)] });
    expect(second).toMatchObject({ status: 'SUCCEEDED' });
    report(null);

    // The API leaves args out of the shadow when the caller gives none: those of the command before must be gone.
    expect(await rig.run('get_nodes', { bus: 'attic' })).toMatchObject({ status: 'REJECTED', error: { code: 'invalid_args' } });
    await untilTaken(rig);
    expect(await rig.run('get_nodes')).toMatchObject({ status: 'SUCCEEDED' });

    // Answered after all of it: what could have been started would have been.
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    for (const answer of [first, second]) {
      expect(runsOf(answer.id, agent)).toBe(1);
      expect(pagesOf(rig, answer.id)).toHaveLength(1);
    }
    const started = agent.lines.filter(({ event }) => event === 'command_started').map((line) => line.id);
    expect(new Set(started).size).toBe(started.length);
    expect(rig.desired()).toEqual({});
  });

  test('a command from while the hub was off: run when it is young, answered as expired when it is old, gone either way', async () => {
    await using rig = await createRig(ONE_PERIPHERAL);
    await rig.provision();
    write(rig, { command: 'get_nodes', args: { refresh: true } });
    rig.iotCore.faults.shiftClock(200_000);
    const agent = rig.startAgent();
    const young = await rig.answer();
    expect(young).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED' });
    expect(await agent.stop()).toBe(0);

    write(rig, { command: 'get_nodes', args: { refresh: true } });
    rig.iotCore.faults.shiftClock(400_000);
    const next = rig.startAgent();
    const old = await rig.answer({ not: [String(young.id)] });
    expect(old).toMatchObject({ command: 'get_nodes', status: 'TIMED_OUT', error: { code: 'expired' } });
    expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
    expect(runsOf(young.id, agent, next)).toBe(1);
    expect(runsOf(old.id, agent, next)).toBe(0);
    expect(pagesOf(rig, old.id)).toMatchObject([{ status: 'TIMED_OUT', error: { code: 'expired' } }]);
    expect(rig.desired()).toEqual({});
  });

  test('a command that came while the link was down for long is as old as the cloud says', async () => {
    await using world = await startOnline(ONE_PERIPHERAL);
    const { rig, agent } = world;
    const { session } = rig.reported();
    await rig.iotCore.stop();
    await agent.waitFor('cloud_down');
    write(rig, { command: 'get_nodes', args: {} });
    rig.iotCore.faults.shiftClock(301_000);
    await rig.iotCore.start();
    await untilOnline(rig, String(session));
    expect(await rig.answer()).toMatchObject({ status: 'TIMED_OUT', error: { code: 'expired' } });
    expect(agent.lines.filter(({ event }) => event === 'command_started')).toEqual([]);
  });

  test('a command overwritten before it was taken leaves no trace; the newer one runs', async () => {
    await using rig = await createRig(ONE_PERIPHERAL);
    await rig.provision();
    write(rig, { command: 'get_nodes', args: { bus: 'attic' } });
    write(rig, { command: 'server_info', args: { bus: null } });
    const agent = rig.startAgent();
    expect(await rig.answer()).toMatchObject({ command: 'server_info', status: 'SUCCEEDED' });
    expect(agent.lines.filter(({ event }) => event === 'command_started')).toHaveLength(1);
  });
});
