import { expect, test } from 'vitest';
import { createAgent } from '../../../agent/compose/agent.ts';
import { createEntropy } from '../../../agent/system/entropy.ts';
import type { HostFacts } from '../../../agent/system/host.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import { createSteppedClock, settled } from '../../support/stepped-clock.ts';
import { createFakeTransport } from '../cloud/fake-transport.ts';
import { load, NOW } from '../config/rig.ts';

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => silent };
const HOST: HostFacts = {
  bootId: async () => 'boot-1',
  uptimeSeconds: async () => 60,
  clockSynchronized: async () => true,
  collect: async () => Promise.reject(new Error('not here')),
};

/** The whole agent on a cloud and a disk in memory. `read`: called before each file is read. */
async function wholeAgent(read: (path: string) => Promise<void> = async () => {}) {
  const wallClock = { nowMs: () => NOW.getTime() };
  const clock = createSteppedClock();
  const transport = createFakeTransport(wallClock.nowMs);
  const memory = createMemoryFiles();
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const config = await load({ agent: { cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' }, wifi: { backend: 'none' } } });
  const agent = await createAgent(config, {
    wallClock,
    clock,
    entropy: createEntropy(),
    files: { ...memory, read: (path, options) => read(path).then(() => memory.read(path, options)) },
    log: silent,
    guards: { guard: (_place, run) => run, faults: () => [] },
    notify: { ready: tell('ready'), stopping: tell('stopping'), status: (text) => void told.push(text), alive() {}, watchdogMs: null },
    transport,
    host: HOST,
  });
  return { agent, clock, transport, told };
}

test('connects while the rest is made ready; the session opens, and a command is taken, only when it is', async () => {
  const alarms = Promise.withResolvers<void>();
  const { agent, clock, transport, told } = await wholeAgent(async (path) => {
    if (path.endsWith('/alarms.json')) await alarms.promise;
  });
  transport.write({ desired: { command: 'get_nodes', args: {} } });
  const started = agent.start();
  await clock.until(() => transport.links.length > 0, 60_000);
  const link = transport.last();
  link.up();
  await clock.advance(1_000);
  expect(told).toEqual([]);
  expect({ sent: link.sent, filters: link.filters, updates: link.updates }).toEqual({ sent: [], filters: [], updates: [] });
  alarms.resolve();
  await clock.settle(started, 1_000);
  const lastCommand = () => (transport.document()?.state.reported as { lastCommand?: unknown } | undefined)?.lastCommand;
  await clock.until(() => JSON.stringify(lastCommand())?.includes('SUCCEEDED'), 30_000);
  expect(told).toContain('ready');
  await clock.settle(agent.stop(), 30_000);
  await settled();
  expect(clock.timers).toBe(0);
});

test('a link that falls while the rest is made ready leaves nothing behind: the next one opens the session', async () => {
  const alarms = Promise.withResolvers<void>();
  const { agent, clock, transport } = await wholeAgent(async (path) => {
    if (path.endsWith('/alarms.json')) await alarms.promise;
  });
  const started = agent.start();
  await clock.until(() => transport.links.length > 0, 60_000);
  const first = transport.last();
  first.up();
  await clock.advance(10);
  first.fall('network');
  alarms.resolve();
  await clock.settle(started, 1_000);
  await clock.until(() => transport.links.length > 1, 60_000);
  transport.last().up();
  await clock.until(() => transport.last().sent.length > 0, 10_000);
  expect(first.sent).toEqual([]);
  await clock.settle(agent.stop(), 30_000);
  expect(clock.timers).toBe(0);
});

test('without a network it starts and stops all the same', async () => {
  const { agent, clock, told } = await wholeAgent();
  await clock.settle(agent.start(), 1_000);
  await clock.settle(agent.stop(), 30_000);
  expect(told).toEqual(['ready', 'stopping']);
  expect(clock.timers).toBe(0);
});
