import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Alarm } from '../../agent/contract/alarm.ts';
import { runHubctl } from './rig/hubctl.ts';
import type { Rig } from './rig/rig.ts';
import { startOnline } from './rig/start.ts';

/** Asks hubctl until it names a problem: it is a matter of time alone. */
async function untilProblem(rig: Rig, problem: RegExp): Promise<string> {
  for (;;) {
    const { terminal } = await runHubctl(rig, 'status --json');
    const { problems } = JSON.parse(terminal.text()) as { problems: { text: string }[] };
    const found = problems.find(({ text }) => problem.test(text));
    if (found) return found.text;
    await setTimeout(500);
  }
}

const alarmsOf = (reported: Record<string, unknown>) => (reported.alarms ?? []) as Alarm[];

test('a tamper switch and a change by root reach the shadow by themselves, survive a kill, and stand in hubctl status', async () => {
  await using world = await startOnline({ peripherals: [{ address: 0, tampered: true }], addresses: [0] });
  const { rig, agent } = world;
  await rig.untilReported('the tamper alarm', (reported) => alarmsOf(reported).some(({ kind }) => kind === 'tamper'));
  expect(alarmsOf(rig.reported())).toMatchObject([{ kind: 'tamper', node: expect.stringMatching(/\/0$/), since: expect.any(Number) }]);
  await runHubctl(rig, 'loglevel debug --minutes 5');
  await rig.untilReported('the local change', (reported) => alarmsOf(reported).some(({ kind }) => kind === 'local_change'));
  const status = JSON.parse((await runHubctl(rig, 'status --json')).terminal.text()) as { alarms: Alarm[]; problems: { text: string }[] };
  expect(status.alarms.map(({ kind }) => kind).toSorted()).toEqual(['local_change', 'tamper']);
  expect(status.problems.map(({ text }) => text).join(' ')).toMatch(/Tamper switch open/);
  const before = alarmsOf(rig.reported());
  const { session } = rig.reported();
  await agent.kill();
  rig.startAgent();
  await rig.untilReported(
    'the next session',
    ({ online, session: now, uptimeSeconds }) => online === true && now !== session && uptimeSeconds,
  );
  await rig.untilReported('the alarms as they were', (reported) => alarmsOf(reported).length === before.length);
  expect(alarmsOf(rig.reported())).toEqual(before);
});

test('a Shadow service that falls silent is named by status and doctor, and a shadow full of others still answers', async () => {
  await using world = await startOnline();
  const { rig } = world;
  const filled = rig.iotCore.shadow(rig.hubId).update({ state: { desired: { config: 'x'.repeat(7_000) } } });
  expect(filled.ok).toBe(true);
  expect(await rig.run('server_info')).toMatchObject({ status: 'SUCCEEDED' });
  rig.iotCore.faults.loseShadowResponses(Number.POSITIVE_INFINITY);
  await rig.send('get_nodes');
  const problems = await untilProblem(rig, /Shadow service does not answer/);
  expect(problems).toMatch(/iot:Receive/);
  const doctor = await runHubctl(rig, 'doctor --json --check topics');
  expect(doctor.terminal.text()).toMatch(/Shadow service does not answer/);
});
