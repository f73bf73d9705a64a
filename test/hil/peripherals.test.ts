import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Alarm } from '../../agent/contract/alarm.ts';
import type { Node } from '../../agent/contract/node.ts';
import { runHubctl } from './rig/hubctl.ts';
import type { Rig } from './rig/rig.ts';
import { startOnline, untilOnline, untilScanned } from './rig/start.ts';

async function json<T>(rig: Rig, line: string, code = 0): Promise<T> {
  const answer = await runHubctl(rig, `${line} --json`);
  expect(answer, `${line}: ${answer.terminal.text()}`).toMatchObject({ code });
  return JSON.parse(answer.terminal.text()) as T;
}

const nodesOf = async (rig: Rig) => (await json<{ nodes: Node[] }>(rig, 'nodes')).nodes;

/** Asks hubctl until the node looks so: it is a matter of time alone. */
async function untilNode(rig: Rig, nodeId: string, looks: Partial<Node>): Promise<void> {
  for (;;) {
    const node = (await nodesOf(rig)).find((each) => each.nodeId === nodeId);
    if (node && Object.entries(looks).every(([field, value]) => node[field as keyof Node] === value)) return;
    await setTimeout(200);
  }
}

test('a new reader is found, blinks, moves to its address, gets a key of its own, keeps it over a kill, and is forgotten', async () => {
  await using world = await startOnline({
    peripherals: [{ address: 0, serialNumber: 77, secureChannel: {} }, { address: 2 }],
    addresses: ['0-7'],
  });
  const { rig } = world;
  await untilScanned(rig, 2);
  const [first] = await nodesOf(rig);
  const bus = first!.bus;

  expect(await json(rig, `nodes identify ${bus}/0 --seconds 5`)).toEqual({ nodeId: `${bus}/0`, seconds: 5, by: ['led', 'buzzer'] });
  expect(rig.line!.peripheral(0).settings).toMatchObject({ lamp: { tenths: 50 }, buzzer: { count: 5 } });

  expect(await runHubctl(rig, `bus set-address ${bus} 0 2`)).toMatchObject({ code: 1 });
  expect(await json(rig, `bus set-address ${bus} 0 5`)).toMatchObject({ to: 5, proven: true });
  expect(rig.line!.peripheral(5).settings.serialNumber).toBe(77);
  expect((await nodesOf(rig)).map(({ nodeId }) => nodeId)).toEqual([`${bus}/2`, `${bus}/5`]);

  expect(await json(rig, `bus rekey ${bus} 5`, 1)).toEqual({ bus, peripherals: [{ address: 5, result: 'unsecured' }] });
  const rekeyed = await runHubctl(rig, `bus rekey ${bus} 5 --default-key`);
  expect(rekeyed.terminal.text()).toBe(`${bus}/5 has a new key`);
  await untilNode(rig, `${bus}/5`, { security: 'secured' });
  const alarms = (await json<{ alarms: Alarm[] }>(rig, 'status')).alarms.map(({ kind }) => kind);
  expect(alarms).toEqual(['local_change']);

  const session = String(rig.reported().session);
  await world.agent.kill();
  const key = Buffer.from(rig.line!.peripheral(5).settings.secureChannel!.key!).toString('hex');
  const state = join(rig.folder, 'state');
  const path = join(state, `osdp-keys-${bus}.json`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const names = (await readdir(state)).filter((name) => !name.startsWith('osdp-keys-') && name.endsWith('.json'));
  for (const name of names) expect(await readFile(join(state, name), 'utf8')).not.toContain(key);
  expect(world.agent.output()).not.toContain(key);

  rig.startAgent();
  await untilOnline(rig, session);
  await untilNode(rig, `${bus}/5`, { security: 'secured', available: true });

  rig.line!.peripheral(2).remove();
  await untilNode(rig, `${bus}/2`, { available: false });
  expect(await json(rig, `nodes forget ${bus}/2`)).toEqual({ forgotten: `${bus}/2` });
  expect((await nodesOf(rig)).map(({ nodeId }) => nodeId)).toEqual([`${bus}/5`]);
  expect(await runHubctl(rig, `nodes identify ${bus}/2`)).toMatchObject({ code: 1 });
});
