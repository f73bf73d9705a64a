import { expect, test } from 'vitest';
import { createOsdpBus } from '../../../agent/nodes/osdp/bus/osdp-bus.ts';
import { createNodeTable } from '../../../agent/nodes/table.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createOsdpLine } from '../../twins/osdp-line/index.ts';
import { createFakeEntropy, createFakeLog, createFakePort } from './fakes.ts';

/** Two real buses in one table, on one clock. */
function createRig() {
  const clock = createSteppedClock();
  const wallClock = { nowMs: () => Date.UTC(2026, 0, 1) + clock.nowMs() };
  const log = createFakeLog();
  const make = (id: string, baudRate: number, addresses: number[]) => {
    const line = createOsdpLine({ baudRate, clock, peripherals: addresses.map((address) => ({ address })) });
    const port = createFakePort(line.wire);
    const common = { allowDefaultKey: false, keys: new Map(), clock, wallClock, entropy: createFakeEntropy(), log };
    const bus = createOsdpBus({
      id,
      path: id,
      baudRate,
      addresses: Array.from({ length: 32 }, (_, address) => address),
      serialPorts: port,
      ...common,
    });
    return { line, port, bus };
  };
  const door = make('door', 9600, [1, 5]);
  const gate = make('gate', 115200, [5, 9]);
  const files = createMemoryFiles();
  const table = createNodeTable({ buses: [door.bus, gate.bus], files, stateDirectory: '/state', clock, log });
  return { clock, door, gate, table, log, files };
}

const never = new AbortController().signal;

test('two buses are scanned side by side, and one that is pulled out does not disturb the other', async () => {
  const { clock, door, gate, table } = createRig();
  await table.start();
  await clock.until(() => table.summary().scanComplete, 3_000);
  expect(table.summary()).toEqual({ total: 4, available: 4, scanComplete: true });
  door.port.yank();
  gate.line.resetStats();
  await clock.advance(12_000);
  const result = await table.getNodes({ refresh: false }, never);
  expect(result.nodes.map((node) => `${node.nodeId} ${node.available}`)).toEqual([
    'door/1 false',
    'door/5 false',
    'gate/5 true',
    'gate/9 true',
  ]);
  expect(result.buses).toMatchObject([{ state: 'unavailable', error: { code: 'bus_unavailable' } }, { state: 'up' }]);
  expect(gate.line.stats().addresses.get(5)!.replies).toBeGreaterThan(20);
  door.port.replug();
  await clock.until(() => table.summary().available === 4, 5_000);
  await table.stop();
  for (const { line } of [door, gate]) line.stop();
  expect(clock.timers).toBe(0);
});

test('a refresh asked several times at once is one pass, and each asker gets its answer', async () => {
  const { clock, table, gate } = createRig();
  await table.start();
  await clock.until(() => table.summary().scanComplete, 3_000);
  gate.line.add({ address: 30 });
  const answers: number[] = [];
  for (let asker = 0; asker < 3; asker++) {
    void table.getNodes({ bus: 'gate', refresh: true }, never).then((result) => answers.push(result.total));
  }
  await clock.until(() => answers.length === 3, 5_000);
  expect(answers).toEqual([3, 3, 3]);
  await table.stop();
});

test('polling writes nothing to flash', async () => {
  const { clock, table, files } = createRig();
  await table.start();
  await clock.advance(10_000);
  expect(files.writes).toHaveLength(1);
  await clock.advance(60_000);
  expect(files.writes).toHaveLength(1);
  await table.stop();
});
