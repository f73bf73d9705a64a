import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeBus } from '../../agent/nodes/bus.ts';
import { createOsdpBus } from '../../agent/nodes/osdp/bus/osdp-bus.ts';
import { createSerialPorts } from '../../agent/nodes/osdp/port/serialport.ts';
import { createMonotonicClock, createWallClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { unguarded } from '../../agent/system/guard.ts';
import { createOsdpLine } from '../twins/osdp-line/index.ts';
import { createVirtualPort } from '../twins/virtual-port/index.ts';
import { createFakeEntropy, createFakeLog } from '../unit/nodes/fakes.ts';

const ROUNDS = 100;
const ADDRESSES = Array.from({ length: 8 }, (_, address) => address);
const DETECT_LIMIT_MS = 1_000;
const HEAL_LIMIT_MS = 5_000;
/** A round that is neither seen nor healed within this time has failed. */
const PATIENCE_MS = 10_000;

/** Resolves with the time it took until `condition` holds after some event of the bus; null when it never does. */
function until(bus: NodeBus, condition: () => boolean): Promise<number | null> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const end = (tookMs: number | null) => {
      clearTimeout(timer);
      unsubscribe();
      resolve(tookMs);
    };
    const look = () => {
      if (condition()) end(performance.now() - startMs);
    };
    const timer = setTimeout(() => end(condition() ? performance.now() - startMs : null), PATIENCE_MS);
    const unsubscribe = bus.onEvent(look);
    look();
  });
}

function summary(values: (number | null)[]) {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(known[Math.min(known.length - 1, Math.floor(share * known.length))] ?? Number.NaN);
  return { never: values.length - known.length, medianMs: at(0.5), maxMs: at(1) };
}

/**
 * `npm run bench -- yank [--json] [--rounds N]`: pulls a real pseudo-terminal from under the real bus and puts it back, at a random moment of
 * its work, N times. Answers 0 when each loss was seen within 1 s and each return healed within 5 s.
 */
export async function run(args: string[]): Promise<number> {
  const rounds = args.includes('--rounds') ? Number(args[args.indexOf('--rounds') + 1]) : ROUNDS;
  const directory = await mkdtemp(join(tmpdir(), 'yank-'));
  const port = await createVirtualPort({ link: join(directory, 'adapter') });
  const line = createOsdpLine({ baudRate: 115200, clock: createMonotonicClock(), peripherals: [{ address: 2 }, { address: 5 }] });
  line.connect(port);
  const log = createFakeLog();
  const bus = createOsdpBus({
    id: 'bench',
    path: port.path,
    baudRate: 115200,
    addresses: ADDRESSES,
    allowDefaultKey: false,
    keys: new Map(),
    serialPorts: createSerialPorts({ clock: createMonotonicClock(), guard: unguarded }),
    clock: createMonotonicClock(),
    wallClock: createWallClock(),
    entropy: createEntropy(),
    log,
  });
  const random = createFakeEntropy(1);
  const detected: (number | null)[] = [];
  const healed: (number | null)[] = [];
  const lastSeen = () => bus.nodes().find((node) => node.address === '5')?.lastSeen ?? '';
  try {
    bus.start();
    await until(bus, () => bus.scanComplete());
    for (let round = 0; round < rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, random.unit() * 700));
      const seen = until(bus, () => bus.status().state === 'unavailable');
      await port.yank();
      detected.push(await seen);
      await new Promise((resolve) => setTimeout(resolve, random.unit() * 300));
      const before = lastSeen();
      await port.replug();
      // Healed is when a peripheral has answered over the new port, not when it could be opened.
      const startMs = performance.now();
      while (lastSeen() <= before && performance.now() - startMs < PATIENCE_MS) await new Promise((resolve) => setTimeout(resolve, 5));
      healed.push(lastSeen() > before ? performance.now() - startMs : null);
    }
  } finally {
    await bus.stop();
    line.stop();
    await port.close();
    await rm(directory, { recursive: true });
  }
  const result = { rounds, detect: summary(detected), heal: summary(healed) };
  process.stdout.write(`detected: ${JSON.stringify(result.detect)}\nhealed: ${JSON.stringify(result.heal)}\n`);
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(result)}\n`);
  const good = result.detect.never === 0 && result.heal.never === 0;
  return good && result.detect.maxMs <= DETECT_LIMIT_MS && result.heal.maxMs <= HEAL_LIMIT_MS ? 0 : 1;
}
