import type { BusEvent } from '../../../../../agent/nodes/bus.ts';
import type { ZigbeeBusOptions } from '../../../../../agent/nodes/zigbee/bus/options.ts';
import { createZigbeeBus } from '../../../../../agent/nodes/zigbee/bus/zigbee-bus.ts';
import type { DeviceFacts } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { zigbeePlaces } from '../../../../../agent/nodes/zigbee/state/places.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { createFakeEntropy, createFakeLog } from '../../fakes.ts';
import { LOCK, PATH } from '../samples.ts';
import { createFakeLibrary } from './fake-library.ts';

export const BUS = 'zb';
const BEGAN_MS = Date.UTC(2026, 0, 1);

/** A lock as the library tells it. */
export const lockFacts = (changes: Partial<DeviceFacts> = {}): DeviceFacts => ({
  address: LOCK,
  kind: 'end_device',
  vendor: 'Danalock',
  model: 'V3',
  firmware: '1.2',
  powerSource: 'Battery',
  interview: 'done',
  linkQuality: 100,
  lastSeen: BEGAN_MS,
  checkInSeconds: null,
  clusters: ['closuresDoorLock', 'genPowerCfg'],
  ...changes,
});

/** A Zigbee bus with a stick in its port, on a clock that stands still. */
export function createRig(options: Partial<ZigbeeBusOptions> & { startMs?: number } = {}) {
  const clock = createSteppedClock();
  const wallClock = { nowMs: () => BEGAN_MS + clock.nowMs() };
  const files = createMemoryFiles();
  const log = createFakeLog();
  const library = createFakeLibrary(files, clock, options);
  let plugs = 1;
  let isPlugged = true;
  let rights = 0;
  const lost: boolean[] = [];
  const bus = createZigbeeBus({
    id: BUS,
    path: PATH,
    adapter: 'zstack',
    channel: 15,
    rtscts: false,
    baudRate: 115_200,
    stateDirectory: '/state',
    processes: library,
    portProblem: async () => (isPlugged ? null : { reason: 'missing', message: `${PATH} does not exist` }),
    portIdentity: async () => (isPlugged ? { thing: `stick ${plugs}`, state: `stick ${plugs} ${rights}` } : null),
    files,
    clock,
    wallClock,
    entropy: createFakeEntropy(),
    log,
    onNetworkLost: (isLost) => void lost.push(isLost),
    ...options,
  });
  const events: BusEvent[] = [];
  bus.onEvent((event) => void events.push(event));
  const state = () => bus.status().state;
  return {
    bus,
    network: bus.network,
    clock,
    wallClock,
    files,
    log,
    library,
    events,
    lost,
    places: zigbeePlaces('/state', BUS),
    state,
    pull: () => {
      isPlugged = false;
    },
    /** Owner or rights of its device change. */
    touch: () => {
      rights += 1;
    },
    plug: () => {
      isPlugged = true;
      plugs += 1;
    },
    /** Moves on until the network is up and on the disk; answers the time it took. */
    async up(withinMs = 10_000): Promise<number> {
      const tookMs = await clock.until(() => state() === 'up', withinMs);
      await clock.advance(200);
      return tookMs;
    },
    /** A lock joins, and is saved. */
    async pair(facts = lockFacts()) {
      library.paired.push(facts.address);
      library.tell({ kind: 'interview', address: facts.address, state: 'joined' });
      library.tell({ kind: 'device', device: facts });
      await clock.settle(bus.network.backup(), 1_000);
    },
    async stop() {
      await clock.settle(bus.stop(), 3_000);
    },
  };
}

export type ZigbeeRig = ReturnType<typeof createRig>;
