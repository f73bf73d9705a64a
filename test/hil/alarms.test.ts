import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Alarm } from '../../agent/contract/alarm.ts';
import { runHubctl } from './rig/hubctl.ts';
import { createRig, type Rig } from './rig/rig.ts';
import { startOnline, untilOnline, untilScanned } from './rig/start.ts';

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

/** Gives the line's bus a file with keys, before the agent starts. */
async function withKeys(rig: Rig, keys: Record<string, string>): Promise<void> {
  const path = join(rig.folder, 'etc', 'agent.json');
  await writeFile(join(rig.folder, 'etc', 'keys.json'), JSON.stringify(keys), { mode: 0o600 });
  const config = JSON.parse(await readFile(path, 'utf8')) as { buses: Record<string, unknown>[] };
  const [bus] = config.buses;
  await writeFile(path, JSON.stringify({ ...config, buses: [{ ...bus, keysPath: 'keys.json' }] }));
}

/** A lock is secured some requests after it was found. */
async function untilSecured(rig: Rig): Promise<void> {
  for (;;) {
    const { nodes } = JSON.parse((await runHubctl(rig, 'nodes --json')).terminal.text()) as { nodes: { security: string | null }[] };
    if (nodes[0]?.security === 'secured') return;
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

test('a device without the key in the place of a secured one: lost security and another device reach the shadow, and are over with the original', async () => {
  const key = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const secured = { address: 5, secureChannel: { key, required: true } };
  await using rig = await createRig({ peripherals: [secured], addresses: [5] });
  await withKeys(rig, { 5: key.toString('hex') });
  rig.startAgent();
  await untilOnline(rig);
  await rig.provision();
  await untilScanned(rig);
  await untilSecured(rig);
  const original = rig.line!.peripheral(5);
  original.remove();
  const impostor = rig.line!.add({ address: 5, serialNumber: 0xbad });
  const standing = (reported: Record<string, unknown>) => alarmsOf(reported).filter(({ until }) => until === undefined);
  const kinds = (reported: Record<string, unknown>) =>
    standing(reported)
      .map(({ kind }) => kind)
      .toSorted();
  await rig.untilReported('both alarms', (reported) => kinds(reported).join() === 'device_replaced,security_lost');
  expect(standing(rig.reported())).toEqual(Array.from({ length: 2 }, () => expect.objectContaining({ node: 'rs485/5' })));
  impostor.remove();
  original.restore();
  await rig.untilReported('their end', (reported) => kinds(reported).length === 0, 90_000);
  expect(
    alarmsOf(rig.reported())
      .map(({ kind, until }) => [kind, typeof until])
      .toSorted(),
  ).toEqual([
    ['device_replaced', 'number'],
    ['security_lost', 'number'],
  ]);
});

test('a factory reset, which forgets every alarm, is itself in the last report of the session', async () => {
  await using world = await startOnline();
  const { rig, agent } = world;
  expect((await runHubctl(rig, 'reset --factory --yes')).code).toBe(0);
  expect(await agent.exited).toBe(0);
  expect(rig.reported().online).toBe(false);
  expect(alarmsOf(rig.reported())).toMatchObject([{ kind: 'local_change', since: expect.any(Number) }]);
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
