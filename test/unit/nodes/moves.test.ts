import { expect, test } from 'vitest';
import type { Node } from '../../../agent/contract/node.ts';
import type { NodeEvent } from '../../../agent/nodes/changes.ts';
import { createNodeTable } from '../../../agent/nodes/table.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeBus } from './fake-bus.ts';
import { createFakeLog } from './fakes.ts';

const never = new AbortController().signal;
const T1 = '2026-01-01T00:00:01.000Z';
const T2 = '2026-01-01T00:00:02.000Z';
const READER = {
  vendor: '5eca00',
  model: '1',
  serialNumber: '4711',
  firmwareVersion: '1.0.0',
  available: true,
  lastSeen: T1,
  firstSeen: T1,
};
/** Time enough to tell a move from a loss. */
const DECIDED_MS = 20_000;

async function createRig(files = createMemoryFiles()) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const door = createFakeBus('door');
  const gate = createFakeBus('gate');
  const events: NodeEvent[] = [];
  const table = createNodeTable({
    buses: [door, gate],
    files,
    stateDirectory: '/state',
    clock,
    log,
    onChange: (event) => events.push(event),
  });
  await table.start();
  const told = () => events.flatMap((event) => ('node' in event ? [`${event.event} ${event.node.nodeId}`] : []));
  const nodes = async () => (await table.getNodes({ refresh: false }, never)).nodes;
  return { clock, log, files, door, gate, table, events, told, nodes };
}

const idsOf = (nodes: Node[]) => nodes.map(({ nodeId }) => nodeId);

test.each(['before', 'after'])('a device that falls silent at its old address %s it answers at another one has moved', async (order) => {
  const rig = await createRig();
  rig.door.complete();
  rig.door.put('3', { ...READER, tamper: true });
  rig.events.length = 0;
  if (order === 'before') rig.door.put('3', { available: false });
  rig.door.put('7', { ...READER, firstSeen: T2, lastSeen: T2 });
  if (order === 'after') {
    await rig.clock.advance(8_000);
    rig.door.put('3', { available: false });
  }
  await rig.clock.advance(DECIDED_MS);
  expect(rig.told()).toEqual([...(order === 'before' ? ['node_lost door/3'] : []), 'node_left door/3', 'node_moved door/7']);
  expect(await rig.nodes()).toMatchObject([{ nodeId: 'door/7', available: true, firstSeen: T1, moved: { from: 'door/3', at: T2 } }]);
  expect(rig.log.lines.filter(({ event }) => event === 'node_moved')).toMatchObject([{ level: 'warn', from: 'door/3', to: 'door/7' }]);
  // It is told once, and known after a restart.
  rig.door.put('7', { available: false });
  rig.door.put('7', { available: true });
  await rig.clock.advance(DECIDED_MS);
  expect(rig.told().filter((each) => each.startsWith('node_moved'))).toHaveLength(1);
  await rig.table.stop();
  const again = await createRig(rig.files);
  expect(await again.nodes()).toMatchObject([{ nodeId: 'door/7', moved: { from: 'door/3', at: T2 } }]);
  await again.table.stop();
});

test('a device that moved while the agent was stopped has moved, once everybody was asked', async () => {
  const rig = await createRig();
  rig.door.put('3', READER);
  await rig.table.stop();
  const again = await createRig(rig.files);
  again.door.put('7', READER);
  await again.clock.advance(2 * DECIDED_MS);
  expect(again.told()).toEqual([]);
  again.door.complete();
  await again.clock.advance(DECIDED_MS);
  expect(again.told()).toEqual(['node_left door/3', 'node_moved door/7']);
  await again.table.stop();
});

test.each([
  ['the one at the old address answers on', { ...READER }, READER, 'door'],
  [
    'the serial number is that of a whole batch',
    { ...READER, serialNumber: '0', available: false },
    { ...READER, serialNumber: '0' },
    'door',
  ],
  ['it is of another make', { ...READER, vendor: '000001', available: false }, READER, 'door'],
  ['it is on another bus', { ...READER, available: false }, READER, 'gate'],
] as const)('nothing moved when %s', async (_name, old, young, bus) => {
  const rig = await createRig();
  rig.door.complete();
  rig.gate.complete();
  rig.door.put('3', old);
  rig.events.length = 0;
  rig[bus].put('7', young);
  await rig.clock.advance(2 * DECIDED_MS);
  expect(rig.told()).toEqual([`node_new ${bus}/7`]);
  expect(idsOf(await rig.nodes())).toEqual(['door/3', `${bus}/7`]);
  await rig.table.stop();
});

test('one that was only away for a moment has a double, which is new', async () => {
  const rig = await createRig();
  rig.door.complete();
  rig.door.put('3', READER);
  rig.events.length = 0;
  rig.door.put('7', READER);
  rig.door.put('3', { available: false });
  rig.door.put('3', { available: true });
  await rig.clock.advance(DECIDED_MS);
  expect(rig.told()).toEqual(['node_new door/7']);
  await rig.table.stop();
});

test('a device that runs another firmware is an event with both versions', async () => {
  const rig = await createRig();
  rig.door.put('3', READER);
  rig.door.put('3', { firmwareVersion: '1.0.1' });
  rig.door.put('3', { serialNumber: '9', firmwareVersion: '1.0.0' });
  expect(rig.told()).toEqual(['node_new door/3', 'node_firmware_changed door/3', 'node_replaced door/3']);
  expect(rig.log.lines.filter(({ event }) => event === 'node_firmware_changed')).toMatchObject([
    { level: 'info', before: '1.0.0', firmwareVersion: '1.0.1' },
  ]);
  await rig.table.stop();
});
