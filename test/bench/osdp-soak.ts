import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { NodeBus } from '../../agent/nodes/bus.ts';
import { createNodeTable } from '../../agent/nodes/table.ts';
import { Secret } from '../../agent/system/secret.ts';
import { createMemoryFiles } from '../support/memory-files.ts';
import { demoPeripherals } from '../twins/osdp-line/index.ts';
import { createFakeEntropy } from '../unit/nodes/fakes.ts';
import { createRig } from '../unit/nodes/osdp/rig.ts';
import { checkConvergence, checkHonesty } from '../unit/nodes/osdp/rough-line.ts';

const HOURS = 6;
const HOUR_MS = 3_600_000;
const PROPERTY_RUNS = 200;
/** Growth of the heap after the second hour that is a leak: collections leave that much behind. */
const MAX_GROWTH_BYTES = 2 * 1024 * 1024;
/** One timer of the bus, one of the line, one write of the table. */
const MAX_TIMERS = 6;
/** On the bus's stop signal: the open line and the pause of the poller; on the caller's: one refresh; the table on the bus. */
const MAX_LISTENERS = 6;
const FULL_BUS = 127;
const MAX_GET_NODES_MS = 5;

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Remembers every abort signal made from now on, without keeping it alive. */
function watchSignals() {
  const Original = globalThis.AbortController;
  const made = new Set<WeakRef<AbortSignal>>();
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      made.add(new WeakRef(this.signal));
    }
  };
  return {
    /** How many listeners wait on those that still live. */
    listeners() {
      let count = 0;
      for (const reference of made) {
        const signal = reference.deref();
        if (signal) count += getEventListeners(signal, 'abort').length;
        else made.delete(reference);
      }
      return count;
    },
    end() {
      globalThis.AbortController = Original;
    },
  };
}

/** A bus that counts who listens to it. */
function counted(bus: NodeBus) {
  let subscribers = 0;
  const onEvent: NodeBus['onEvent'] = (listener) => {
    const unsubscribe = bus.onEvent(listener);
    subscribers++;
    return () => {
      subscribers--;
      unsubscribe();
    };
  };
  return { bus: { ...bus, onEvent }, subscribers: () => subscribers };
}

const processListeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);

/** The memory, timers and listeners of a bus and its table over so many hours of a moved clock, with everything that happens on a line happening. */
async function soak(hours: number, say: (line: string) => void) {
  const collect = collector();
  const signals = watchSignals();
  const ownListeners = processListeners();
  const ownKey = '000102030405060708090a0b0c0d0e0f';
  const keyed = { address: 33, secureChannel: { required: true, key: Buffer.from(ownKey, 'hex') } };
  const rig = createRig({
    peripherals: [...demoPeripherals(), keyed],
    baudRate: 115200,
    line: { deliveryMs: 20, noise: { flipRate: 0.0002, lossRate: 0.0001, insertRate: 0.0001 } },
    bus: { keys: new Map([[33, new Secret(ownKey)]]), allowDefaultKey: true },
  });
  const files = createMemoryFiles();
  const { bus, subscribers } = counted(rig.bus);
  const table = createNodeTable({ buses: [bus], files, stateDirectory: '/state', clock: rig.clock, log: rig.log });
  const countListeners = () => signals.listeners() + subscribers() + processListeners() - ownListeners;
  const random = createFakeEntropy(2);
  const never = new AbortController().signal;
  await table.start();
  await rig.scanned();
  const heap: number[] = [];
  let timers = 0;
  let listeners = 0;
  let writes = 0;
  for (let hour = 1; hour <= hours; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      const peripherals = rig.line.peripherals();
      const one = peripherals[Math.floor(random.unit() * peripherals.length)]!;
      if (minute % 5 === 0) one.powerCycle();
      if (minute % 3 === 0) one.presentCard('11001010');
      if (minute % 7 === 0) one.setTampered(!one.settings.tampered);
      one.setFaults({ busyTimes: 2 });
      if (minute % 20 === 0) rig.port.yank();
      if (minute % 20 === 1) rig.port.replug();
      if (minute % 10 === 5) void table.getNodes({ refresh: true }, never).catch(() => {});
      await rig.clock.advance(HOUR_MS / 60);
      rig.log.lines.length = 0;
      writes += files.writes.splice(0).length;
      timers = Math.max(timers, rig.clock.timers);
      listeners = Math.max(listeners, countListeners());
    }
    collect();
    heap.push(process.memoryUsage().heapUsed);
    say(
      `  hour ${hour}: heap ${(heap.at(-1)! / 1024 / 1024).toFixed(2)} MB, at most ${timers} timers and ${listeners} listeners, ${writes} writes, ${table.summary().available} available`,
    );
  }
  const { available } = table.summary();
  // The first hour still warms up: compiled code, pools, caches.
  const growth = heap.at(-1)! - (heap[1] ?? heap[0]!);
  await table.stop();
  rig.line.stop();
  const listenersLeft = countListeners();
  signals.end();
  return { hours, growthBytes: growth, timers, timersLeft: rig.clock.timers, listeners, listenersLeft, available, writes };
}

/** How long `get_nodes` takes from the live table with a full line, a thousand times. */
async function measureGetNodes() {
  const peripherals = Array.from({ length: FULL_BUS }, (_, address) => ({ address }));
  const rig = createRig({ peripherals, baudRate: 230400, line: { deliveryMs: 20 } });
  const table = createNodeTable({ buses: [rig.bus], files: createMemoryFiles(), stateDirectory: '/state', clock: rig.clock, log: rig.log });
  await table.start();
  await rig.scanned();
  const times: number[] = [];
  let nodes = 0;
  for (let count = 0; count < 1_000; count++) {
    const startMs = performance.now();
    nodes = (await table.getNodes({ refresh: false }, new AbortController().signal)).total;
    times.push(performance.now() - startMs);
  }
  await table.stop();
  rig.line.stop();
  times.sort((a, b) => a - b);
  return { nodes, medianMs: Number(times[500]!.toFixed(3)), p99Ms: Number(times[990]!.toFixed(3)) };
}

/** `npm run bench -- osdp-soak [--json] [--hours N] [--runs N]`: hours of a moved clock, rough lines, and `get_nodes` on a full line. Answers the exit code. */
export async function run(args: string[]): Promise<number> {
  const numberOf = (name: string, otherwise: number) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const seed = numberOf('--seed', Date.now() % 1_000_000);
  const getNodes = await measureGetNodes();
  say(`get_nodes with ${getNodes.nodes} nodes: median ${getNodes.medianMs} ms, 99 % under ${getNodes.p99Ms} ms`);
  const soaked = await soak(numberOf('--hours', HOURS), say);
  const runs = numberOf('--runs', PROPERTY_RUNS);
  say(`rough lines: ${runs} bearable and ${runs} unbearable ones, seed ${seed}`);
  await checkConvergence(runs, seed);
  await checkHonesty(runs, seed);
  if (args.includes('--json')) say(JSON.stringify({ getNodes, soak: soaked, rough: { runs, seed } }));
  const sound = soaked.growthBytes <= MAX_GROWTH_BYTES && soaked.timers <= MAX_TIMERS && soaked.timersLeft === 0;
  const quiet = soaked.listeners <= MAX_LISTENERS && soaked.listenersLeft === 0;
  return sound && quiet && getNodes.nodes === FULL_BUS && getNodes.medianMs <= MAX_GET_NODES_MS ? 0 : 1;
}
