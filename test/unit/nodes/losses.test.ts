import { expect, test } from 'vitest';
import { nodeFindings } from '../../../agent/health/node.ts';
import { createNodeTable } from '../../../agent/nodes/table.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeBus } from './fake-bus.ts';
import { createFakeLog } from './fakes.ts';

const T1 = '2026-01-01T00:00:01.000Z';
const READER = {
  vendor: '5eca00',
  model: '1',
  serialNumber: '4711',
  available: true,
  lastSeen: T1,
  firstSeen: T1,
  security: 'secured',
} as const;

async function createRig() {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const bus = createFakeBus('door');
  const table = createNodeTable({ buses: [bus], files: createMemoryFiles(), stateDirectory: '/state', clock, log });
  await table.start();
  bus.put('3', READER);
  const node = async () => (await table.getNodes({ refresh: false }, new AbortController().signal)).nodes[0]!;
  return {
    clock,
    log,
    bus,
    table,
    node,
    codes: async () => nodeFindings([await node()]).map(({ code }) => code),
    async lose() {
      bus.put('3', { available: false });
      await clock.advance(60_000);
      bus.put('3', { available: true });
      await clock.advance(60_000);
    },
  };
}

test('a node that falls silent again and again is a finding for an hour, and a line in the log', async () => {
  const rig = await createRig();
  expect(await rig.node()).not.toHaveProperty('lossesLastHour');
  await rig.lose();
  await rig.lose();
  expect(await rig.node()).toMatchObject({ available: true, lossesLastHour: 2 });
  expect(await rig.codes()).toEqual([]);
  expect(rig.log.events()).not.toContain('node_flaps');
  await rig.lose();
  expect(await rig.codes()).toEqual(['node_flaps']);
  expect(nodeFindings([await rig.node()])[0]).toMatchObject({
    severity: 'warn',
    text: 'node door/3 fell silent 3 times in the last hour',
    remedy: expect.stringContaining('replyTimeoutMs'),
  });
  expect(rig.log.lines.filter(({ event }) => event === 'node_flaps')).toMatchObject([{ level: 'warn', nodeId: 'door/3' }]);
  await rig.clock.advance(3_600_000);
  expect(await rig.node()).not.toHaveProperty('lossesLastHour');
  expect(await rig.codes()).toEqual([]);
  await rig.table.stop();
});

test('losses are counted up to a bound, and forgotten with the node', async () => {
  const rig = await createRig();
  for (let loss = 0; loss < 25; loss++) {
    rig.bus.put('3', { available: false });
    rig.bus.put('3', { available: true });
  }
  expect(await rig.node()).toMatchObject({ lossesLastHour: 16 });
  await rig.table.maintenance.forget('door/3');
  rig.bus.put('3', READER);
  expect(await rig.node()).not.toHaveProperty('lossesLastHour');
  await rig.table.stop();
});

test('nodes that are lost with the port of their bus do not flap', async () => {
  const rig = await createRig();
  for (let loss = 0; loss < 5; loss++) {
    rig.bus.setState('unavailable');
    rig.bus.put('3', { available: false });
    rig.bus.setState('up');
    rig.bus.put('3', { available: true });
  }
  expect(await rig.node()).not.toHaveProperty('lossesLastHour');
  await rig.table.stop();
});
