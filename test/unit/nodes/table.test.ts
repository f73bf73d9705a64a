import { expect, test } from 'vitest';
import type { Node } from '../../../agent/contract/node.ts';
import { eventsOf, type NodeEvent } from '../../../agent/nodes/changes.ts';
import { unknownNode } from '../../../agent/nodes/model.ts';
import { REPLACEMENT_MS } from '../../../agent/nodes/replacement.ts';
import { MAX_KNOWN_NODES } from '../../../agent/nodes/store.ts';
import { createNodeTable } from '../../../agent/nodes/table.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';
import { createFakeBus } from './fake-bus.ts';
import { createFakeLog } from './fakes.ts';

const FILE = '/state/nodes.json';
const never = new AbortController().signal;
const T1 = '2026-01-01T00:00:01.000Z';
const T2 = '2026-01-01T00:00:02.000Z';
const T3 = '2026-01-01T00:00:03.000Z';

function createRig(files = createMemoryFiles(), ids = ['door', 'gate']) {
  const clock = createSteppedClock();
  const log = createFakeLog();
  const buses = ids.map(createFakeBus);
  const events: NodeEvent[] = [];
  const table = createNodeTable({ buses, files, stateDirectory: '/state', clock, log, onChange: (event) => events.push(event) });
  const names = () => events.map((event) => (event.event === 'bus_status' ? `${event.status.id} ${event.status.state}` : event.event));
  return { clock, log, files, table, events, names, door: buses[0]!, gate: buses[1]! };
}

const saved = (rig: ReturnType<typeof createRig>): Node[] => JSON.parse(rig.files.content.get(FILE)!.toString()).nodes;

test('nodes of all buses or of one, in order, with their counts', async () => {
  const rig = createRig();
  await rig.table.start();
  for (const address of ['10', '9', '100']) rig.door.put(address, { available: address !== '9', lastSeen: T1, firstSeen: T1 });
  rig.gate.put('1', { available: true, lastSeen: T1, firstSeen: T1 });
  const all = await rig.table.getNodes({ refresh: false }, never);
  expect(all.nodes.map((node) => node.nodeId)).toEqual(['door/9', 'door/10', 'door/100', 'gate/1']);
  expect(all).toMatchObject({ total: 4, available: 3, scanComplete: false });
  expect(all.buses).toEqual([
    { id: 'door', protocol: 'osdp', state: 'up' },
    { id: 'gate', protocol: 'osdp', state: 'up' },
  ]);
  rig.gate.complete();
  const one = await rig.table.getNodes({ bus: 'gate', refresh: false }, never);
  expect(one).toMatchObject({ total: 1, available: 1, scanComplete: true, buses: [{ id: 'gate' }] });
  expect(rig.table.summary()).toEqual({ total: 4, available: 3, scanComplete: false });
  await rig.table.stop();
});

test('an unknown bus is a wrong argument', async () => {
  const rig = createRig();
  await expect(rig.table.getNodes({ bus: 'x', refresh: false }, never)).rejects.toMatchObject({
    code: 'invalid_args',
    details: [{ field: 'bus' }],
  });
});

test('refresh waits for a pass of the asked buses and shows what it found', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.onRefresh = () => rig.door.put('5', { available: true, lastSeen: T1, firstSeen: T1 });
  const result = await rig.table.getNodes({ bus: 'door', refresh: true }, never);
  expect(result.total).toBe(1);
  expect([rig.door.refreshes, rig.gate.refreshes]).toEqual([1, 0]);
  await rig.table.stop();
});

test('a refresh with one bus down answers with the other; with all down it fails', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.gate.setState('unavailable');
  const result = await rig.table.getNodes({ refresh: true }, never);
  expect(result.buses.map((bus) => bus.state)).toEqual(['up', 'unavailable']);
  await expect(rig.table.getNodes({ bus: 'gate', refresh: true }, never)).rejects.toMatchObject({ code: 'bus_unavailable' });
  rig.door.setState('unavailable');
  await expect(rig.table.getNodes({ refresh: true }, never)).rejects.toMatchObject({ code: 'bus_unavailable' });
  await expect(rig.table.getNodes({ refresh: false }, never)).resolves.toMatchObject({ total: 0 });
});

test('an aborted refresh says so', async () => {
  const rig = createRig();
  await rig.table.start();
  await expect(rig.table.getNodes({ refresh: true }, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
});

test('without buses there is nothing, and it is complete', async () => {
  const rig = createRig(createMemoryFiles(), []);
  await rig.table.start();
  expect(await rig.table.getNodes({ refresh: true }, never)).toEqual({ nodes: [], total: 0, available: 0, scanComplete: true, buses: [] });
});

test('every change is an event, told and logged', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, lastSeen: T1, firstSeen: T1 });
  rig.door.put('5', { vendor: '5eca00' });
  rig.door.put('5', { tamper: false, powerFault: false });
  rig.door.put('5', { tamper: true });
  rig.door.put('5', { tamper: false, powerFault: true });
  rig.door.put('5', { powerFault: false });
  rig.door.put('5', { available: false });
  rig.door.put('5', { available: true });
  rig.door.complete();
  rig.door.setState('unavailable');
  expect(rig.names()).toEqual([
    'door up',
    'gate up',
    'node_new',
    'node_changed',
    'node_changed',
    'node_tamper',
    'node_tamper_cleared',
    'node_power_fault',
    'node_power_restored',
    'node_lost',
    'node_found',
    'scan_complete',
    'door unavailable',
  ]);
  expect(rig.log.lines.filter((line) => line.level === 'warn').map((line) => line.event)).toEqual([
    'node_tamper',
    'node_power_fault',
    'node_lost',
  ]);
});

test('a node that comes tampered is new and tampered; one whose state becomes unknown is neither', () => {
  const node = { ...unknownNode('door', 'osdp', '5'), available: true };
  expect(eventsOf(undefined, { ...node, tamper: true, powerFault: true })).toEqual(['node_new', 'node_tamper', 'node_power_fault']);
  expect(eventsOf({ ...node, tamper: true }, { ...node, tamper: null })).toEqual(['node_changed']);
});

test('what was known survives a restart: first seen, last seen, identity; and is not available until it answers', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, vendor: '5eca00', capabilities: ['readers'], firstSeen: T1, lastSeen: T1 });
  rig.door.see('5', T2);
  await rig.table.stop();
  expect(rig.door.listeners).toBe(0);

  const again = createRig(rig.files);
  await again.table.start();
  expect((await again.table.getNodes({ refresh: false }, never)).nodes).toMatchObject([
    { nodeId: 'door/5', available: false, firstSeen: T1, lastSeen: T2, vendor: '5eca00', capabilities: ['readers'] },
  ]);
  again.door.put('5', { available: true, firstSeen: T3, lastSeen: T3 });
  expect(again.names()).toContain('node_found');
  expect((await again.table.getNodes({ refresh: false }, never)).nodes).toMatchObject([
    { available: true, firstSeen: T1, lastSeen: T3, vendor: '5eca00', capabilities: ['readers'] },
  ]);
});

test('what another device told is not shown under the one that took its place', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1 };
  const told = { vendor: '5eca00', model: '1', serialNumber: '7', firmwareVersion: '1.0.0', capabilities: ['readers'] };
  for (const address of ['5', '6', '7']) rig.door.put(address, { ...seen, ...told });
  await rig.table.stop();

  const again = createRig(rig.files);
  await again.table.start();
  again.door.put('5', { ...seen, vendor: '5eca00', serialNumber: '8' });
  again.door.refuses.add('6');
  again.door.put('6', seen);
  again.door.put('7', { ...seen, vendor: '5eca00', serialNumber: '7' });
  const { nodes } = await again.table.getNodes({ refresh: false }, never);
  expect(nodes).toMatchObject([
    { address: '5', firstSeen: T1, serialNumber: '8', model: null, firmwareVersion: null, capabilities: [] },
    { address: '6', firstSeen: T1, vendor: null, serialNumber: null, capabilities: [] },
    { address: '7', serialNumber: '7', model: '1', capabilities: ['readers'] },
  ]);
});

test('an alarm that stands is told once, however often it cannot be read, and its end is told after a restart too', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1 };
  for (const address of ['5', '6']) rig.door.put(address, { ...seen, tamper: true, powerFault: true });
  rig.door.put('5', { tamper: null });
  rig.door.put('5', { tamper: true });
  expect(rig.names().filter((name) => name === 'node_tamper').length).toBe(2);
  await rig.table.stop();

  const again = createRig(rig.files);
  await again.table.start();
  for (const address of ['5', '6']) again.door.put(address, seen);
  again.door.put('5', { tamper: true, powerFault: true });
  again.door.put('6', { tamper: false, powerFault: false });
  expect(again.names().slice(2)).toEqual(['node_found', 'node_found', 'node_changed', 'node_tamper_cleared', 'node_power_restored']);
});

test('the alarm of another device at the same place is told', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1, vendor: '5eca00' };
  rig.door.put('5', { ...seen, serialNumber: '1', tamper: true });
  rig.door.put('5', { ...seen, serialNumber: '2', tamper: null });
  rig.door.put('5', { tamper: true });
  expect(rig.names().filter((name) => name === 'node_tamper').length).toBe(2);
});

test('what was found wrong with a node stands over a restart until the bus knows better, and is told once', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1, vendor: '5eca00', model: '1', serialNumber: '1' };
  rig.door.put('5', { ...seen, security: 'none', securityReason: 'wrong_key' });
  rig.door.put('6', { ...seen, serialNumber: '6' });
  rig.door.put('6', { serialNumber: '2' });
  rig.door.put('7', { ...seen, serialNumber: '7', security: 'none', securityReason: 'refused' });
  expect(rig.names().slice(2)).toEqual(['node_new', 'node_security_lost', 'node_new', 'node_replaced', 'node_new', 'node_security_lost']);
  await rig.table.stop();
  expect(rig.clock.timers).toBe(0);

  const again = createRig(rig.files);
  await again.table.start();
  again.door.put('5', { ...seen, security: null });
  again.door.put('6', { ...seen, serialNumber: '2' });
  // No own key is configured for this one any more.
  again.door.put('7', { ...seen, serialNumber: '7', security: 'none' });
  expect((await again.table.getNodes({ refresh: false }, never)).nodes).toMatchObject([
    { address: '5', securityReason: 'wrong_key', replaced: null },
    { address: '6', securityReason: null, replaced: { vendor: '5eca00', model: '1', serialNumber: '6' } },
    { address: '7', securityReason: null },
  ]);
  again.door.put('5', { security: 'none', securityReason: 'no_answer' });
  again.door.put('5', { security: 'secured', securityReason: null });
  expect(again.names().slice(2)).toEqual([
    'node_found',
    'node_found',
    'node_found',
    'node_security_restored',
    'node_changed',
    'node_security_restored',
  ]);
});

test('a replacement ends when the first device is back, or after a week', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1, vendor: '5eca00', model: '1', serialNumber: '1' };
  const replaced = async () => (await rig.table.getNodes({ refresh: false }, never)).nodes[0]!.replaced;
  rig.door.put('5', seen);
  for (const serialNumber of ['2', '3', '1', '2']) rig.door.put('5', { serialNumber });
  expect(rig.names().slice(2)).toEqual(['node_new', 'node_replaced', 'node_replaced', 'node_replacement_over', 'node_replaced']);
  expect(await replaced()).toMatchObject({ serialNumber: '1' });
  await rig.clock.advance(REPLACEMENT_MS - 1_000);
  expect(await replaced()).not.toBe(null);
  await rig.clock.advance(1_000);
  expect(await replaced()).toBe(null);
  expect(rig.names().at(-1)).toBe('node_replacement_over');
  rig.door.put('5', { serialNumber: '2' });
  expect(rig.names().at(-1)).toBe('node_changed');
});

test('a device that no longer says who it is counts as another one, one that was not asked yet does not', async () => {
  const rig = createRig();
  await rig.table.start();
  const seen = { available: true, firstSeen: T1, lastSeen: T1, vendor: '5eca00', model: '1', serialNumber: '1' };
  const untold = { vendor: null, model: null, serialNumber: null };
  rig.door.put('5', seen);
  rig.door.put('5', untold);
  expect(rig.names()).not.toContain('node_replaced');
  rig.door.refuses.add('5');
  rig.door.put('5', untold);
  rig.door.refuses.delete('5');
  rig.door.put('5', untold);
  expect(rig.names().filter((name) => name === 'node_replaced').length).toBe(1);
  rig.door.put('5', seen);
  expect(rig.names().at(-1)).toBe('node_replacement_over');
});

test('a contact that chatters is told each time, logged at once, then every ten minutes', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, firstSeen: T1, lastSeen: T1, tamper: false });
  rig.door.put('6', { available: true, firstSeen: T1, lastSeen: T1, tamper: false });
  for (let second = 0; second < 3_600; second++) {
    rig.door.put('5', { tamper: second % 2 === 0 });
    await rig.clock.advance(1_000);
  }
  const loud = () => rig.log.lines.filter((line) => line.level !== 'debug' && line.event.startsWith('node_tamper'));
  expect(loud().length).toBe(12);
  expect(rig.names().filter((name) => name.startsWith('node_tamper')).length).toBe(3_600);
  rig.door.put('6', { tamper: true });
  expect(loud().at(-1)).toMatchObject({ event: 'node_tamper', nodeId: 'door/6', level: 'warn' });
});

test('a full table makes room for a new node: the one that is silent longest goes, also of a bus that is no longer configured', async () => {
  const rig = createRig();
  await rig.table.start();
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  for (let address = 0; address < MAX_KNOWN_NODES - 1; address++)
    rig.door.put(String(address), { available: address > 1, firstSeen: T1, lastSeen: at(10 - Math.min(address, 9)) });
  rig.gate.put('1', { available: true, firstSeen: T1, lastSeen: at(0) });
  await rig.table.stop();

  const again = createRig(rig.files, ['door']);
  await again.table.start();
  again.door.put('new', { available: true, firstSeen: T1, lastSeen: at(100) });
  expect(again.table.summary()).toMatchObject({ total: MAX_KNOWN_NODES, available: 1 });
  expect(again.log.events()).not.toContain('node_table_full');
  await again.table.stop();
  const kept = saved(again).map((node) => node.nodeId);
  expect(kept).toContain('door/new');
  expect(kept).not.toContain('gate/1');
});

test('nodes of a bus that is no longer configured are kept, not shown', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.gate.put('1', { available: true, firstSeen: T1, lastSeen: T1 });
  await rig.table.stop();
  const without = createRig(rig.files, ['door']);
  await without.table.start();
  expect(without.table.summary().total).toBe(0);
  await without.table.stop();
  expect(saved(without).map((node) => node.nodeId)).toEqual(['gate/1']);
});

test('an idle hub writes nothing, and a flapping node at most once a minute', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, firstSeen: T1, lastSeen: T1 });
  rig.door.put('6', { available: true, firstSeen: T1, lastSeen: T1 });
  await rig.clock.advance(3_000);
  expect(rig.files.writes.length).toBe(1);
  for (let second = 0; second < 3_600; second++) {
    rig.door.see('5', new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString());
    await rig.table.getNodes({ refresh: false }, never);
    if (second % 600 === 0) await rig.clock.advance(600_000);
  }
  expect(rig.files.writes.length).toBe(1);
  for (let flap = 0; flap < 600; flap++) {
    rig.door.put('5', { available: flap % 2 === 0 });
    await rig.clock.advance(1_000);
  }
  expect(rig.files.writes.length).toBeLessThanOrEqual(12);
  expect(rig.clock.timers).toBeLessThanOrEqual(1);
});

test('a full disk is logged, and written later', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.files.full = true;
  rig.door.put('5', { available: true, firstSeen: T1, lastSeen: T1 });
  await rig.clock.advance(3_000);
  expect(rig.log.events()).toContain('nodes_not_saved');
  rig.files.full = false;
  await rig.table.stop();
  expect(saved(rig).length).toBe(1);
});

test.each([
  ['cut off', '{"version":1,"nodes":[{"nodeId":'],
  ['from the future', '{"version":2,"nodes":[]}'],
  ['empty', ''],
  ['not an object', 'null'],
])('a node file that is %s is reported, and the hub starts', async (_name, content) => {
  const files = createMemoryFiles();
  files.content.set(FILE, Buffer.from(content));
  const rig = createRig(files);
  await rig.table.start();
  expect(rig.log.lines).toMatchObject([{ event: 'nodes_file_damaged', path: FILE }]);
  expect(rig.table.summary().total).toBe(0);
});

test('of a file with some damaged entries the sound ones are kept, and the loss is counted', async () => {
  const rig = createRig();
  await rig.table.start();
  for (const address of ['1', '2', '3']) rig.door.put(address, { available: true, firstSeen: T1, lastSeen: T1 });
  await rig.table.stop();
  const nodes = saved(rig) as unknown as Record<string, unknown>[];
  nodes[1]!.lastSeen = 'yesterday';
  rig.files.content.set(FILE, Buffer.from(JSON.stringify({ version: 1, nodes })));
  const again = createRig(rig.files);
  await again.table.start();
  expect(again.log.lines).toMatchObject([{ event: 'nodes_file_damaged', kept: 2, lost: 1 }]);
  expect(again.table.summary().total).toBe(2);
});

test('a disk that cannot be read does not stop the hub', async () => {
  const files = createMemoryFiles();
  files.broken = true;
  const rig = createRig(files);
  await rig.table.start();
  expect(rig.log.events()).toEqual(['record_unreadable']);
});

test('more nodes than the table holds are left out, and that is said once', async () => {
  const rig = createRig();
  await rig.table.start();
  for (let address = 0; address < MAX_KNOWN_NODES + 3; address++)
    rig.door.put(String(address), { available: true, firstSeen: T1, lastSeen: T1 });
  expect(rig.table.summary().total).toBe(MAX_KNOWN_NODES);
  expect(rig.log.events().filter((event) => event === 'node_table_full').length).toBe(1);
  await rig.table.stop();
  expect(saved(rig).length).toBe(MAX_KNOWN_NODES);
});

test('a node that is forgotten is gone from table and disk, and new when it answers again', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, tamper: true, vendor: 'a', lastSeen: T1, firstSeen: T1 });
  expect(await rig.table.maintenance.forget('door/5')).toMatchObject({ nodeId: 'door/5', vendor: 'a' });
  expect(rig.table.summary()).toMatchObject({ total: 0 });
  rig.door.put('5', { available: true, tamper: true, vendor: 'b', lastSeen: T2, firstSeen: T2 });
  expect(rig.names()).toEqual(['door up', 'gate up', 'node_new', 'node_tamper', 'node_forgotten', 'node_new', 'node_tamper']);
  const { nodes } = await rig.table.getNodes({ refresh: false }, never);
  expect(nodes).toMatchObject([{ nodeId: 'door/5', vendor: 'b', firstSeen: T2, replaced: null }]);
  await rig.table.maintenance.forget('door/5');
  // On the disk at once: a power cut must not bring it back.
  expect(saved(rig)).toEqual([]);
  await rig.table.stop();
  await expect(rig.table.maintenance.forget('door/5')).rejects.toMatchObject({ code: 'node_unknown' });
});

test('a node that its bus does not let go is not forgotten, and the reason is told', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('5', { available: true, lastSeen: T1, firstSeen: T1 });
  rig.door.cannotForget = (address) => `door/${address} is paired`;
  await expect(rig.table.maintenance.forget('door/5')).rejects.toMatchObject({ code: 'node_refused', message: 'door/5 is paired' });
  expect(rig.table.summary()).toMatchObject({ total: 1 });
  await rig.table.stop();
});

test('a node that was given another address is known there alone', async () => {
  const rig = createRig();
  await rig.table.start();
  rig.door.put('0', { available: true, serialNumber: '7', lastSeen: T1, firstSeen: T1 });
  expect(await rig.table.maintenance.setAddress('door', { from: 0, to: 5, baudRate: null }, never)).toEqual({
    bus: 'door',
    from: 0,
    to: 5,
    baudRate: 9600,
    proven: true,
  });
  const { nodes } = await rig.table.getNodes({ refresh: false }, never);
  expect(nodes.map(({ nodeId, serialNumber }) => [nodeId, serialNumber])).toEqual([['door/5', '7']]);
  await expect(rig.table.maintenance.setAddress('nowhere', { from: 0, to: 5, baudRate: null }, never)).rejects.toMatchObject({
    code: 'invalid_args',
  });
  await expect(rig.table.maintenance.identify('door/9', 5, never)).rejects.toMatchObject({ code: 'node_unknown' });
  await rig.table.stop();
});
