import type { OsdpBusOptions } from '../../../../agent/nodes/osdp/bus/options.ts';
import { createOsdpBus } from '../../../../agent/nodes/osdp/bus/osdp-bus.ts';
import { createKeyStore } from '../../../../agent/nodes/osdp/keys/key-store.ts';
import { createMemoryFiles, type MemoryFiles } from '../../../support/memory-files.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { createOsdpLine, type OsdpLineOptions, type PeripheralOptions } from '../../../twins/osdp-line/index.ts';
import { createFakeEntropy, createFakeLog, createFakePort } from '../fakes.ts';

/** The wall clock's time when a rig's clock begins. */
export const RIG_EPOCH_MS: number = Date.UTC(2026, 0, 1);

export interface RigOptions {
  peripherals: PeripheralOptions[];
  /** The line's; the bus's is the same unless `bus` says otherwise. Default 9600. */
  baudRate?: number;
  line?: Partial<OsdpLineOptions>;
  bus?: Partial<OsdpBusOptions>;
  /** Where the agent's own keys lie; default: nothing there. */
  files?: MemoryFiles;
}

const RIG_KEYS_FILE = '/state/osdp-keys-rs485.json';

/** A bus on a twin of the line, both on a clock that the test moves. */
export function createRig({ peripherals, baudRate = 9600, line: lineOptions, bus: busOptions, files = createMemoryFiles() }: RigOptions) {
  const clock = createSteppedClock();
  const line = createOsdpLine({ baudRate, peripherals, clock, ...lineOptions });
  const port = createFakePort(line.wire, (rate) => line.setPanelBaudRate(rate));
  const log = createFakeLog();
  const bus = createOsdpBus({
    id: 'rs485',
    path: '/dev/serial/by-id/adapter',
    baudRate,
    addresses: Array.from({ length: 127 }, (_, address) => address),
    allowDefaultKey: false,
    keys: new Map(),
    keyStore: createKeyStore({ path: RIG_KEYS_FILE, files, log }),
    serialPorts: port,
    clock,
    wallClock: { nowMs: () => RIG_EPOCH_MS + clock.nowMs() },
    entropy: createFakeEntropy(),
    log,
    ...busOptions,
  });
  const node = (address: number) => bus.nodes().find((each) => each.address === String(address));
  return {
    bus,
    files,
    clock,
    line,
    port,
    log,
    node,
    scanned: (withinMs = 60_000) => clock.until(() => bus.scanComplete(), withinMs),
    async stop() {
      await bus.stop();
      line.stop();
    },
  };
}
