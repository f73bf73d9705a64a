import { loadavg } from 'node:os';
import { createOsdpBus } from '../../agent/nodes/osdp/bus/osdp-bus.ts';
import { DEFAULT_TIMINGS, wireMs } from '../../agent/nodes/osdp/bus/timings.ts';
import { encodeFrame } from '../../agent/nodes/osdp/codec/frame.ts';
import { decodeReply } from '../../agent/nodes/osdp/codec/reply.ts';
import { createLine } from '../../agent/nodes/osdp/port/line.ts';
import { createMonotonicClock, createWallClock } from '../../agent/system/clock.ts';
import { createEntropy } from '../../agent/system/entropy.ts';
import { createOsdpLine, createPreciseClock, type OsdpLine, type PeripheralOptions } from '../twins/osdp-line/index.ts';
import { createFakeEntropy, createFakeLog, createFakePort } from '../unit/nodes/fakes.ts';
import { measureSecured, missesOfSecured, type SecuredCase } from './scan-secured.ts';

/** One line of the result. Times in milliseconds; `coldMs` is a median, `foundMin` the worst run's. */
export interface ScanCase {
  baud: number;
  present: number;
  addresses: number;
  runs: number;
  foundMin: number;
  coldMs: number;
  plainMs: number;
  speedup: number;
  wireRatio: number;
}

export interface ScanBenchOptions {
  /** Prints the result as one line of JSON at the end. */
  json: boolean;
  /** Runs with few peripherals and with all of them. Default 20 and 3. */
  runs?: { few: number; all: number };
}

/** The paced line and the bus need a core for themselves. */
const MAX_LOAD = 1;
const ADDRESSES = Array.from({ length: 127 }, (_, address) => address);
const BAUD_RATES = [9600, 115200];
const FEW = 8;
/** The targets: how much faster than the plain scan with few present, and how close to the wire with everybody there. */
const MIN_SPEEDUP = 4.5;
const MAX_WIRE_RATIOS: Readonly<Record<number, number>> = { 9600: 1.08, 115200: 1.2 };
/** The standard's longest time to the first byte, which a plain scan waits for at each address. */
const PLAIN_WAIT_MS = 200;

/** Eight peripherals at addresses drawn for each run: seven answer after 3 to 15 ms, one after 40. */
function fewPeripherals(seed: number): PeripheralOptions[] {
  const random = createFakeEntropy(seed);
  const free = [...ADDRESSES];
  return Array.from({ length: FEW }, (_, index) => {
    const [address] = free.splice(Math.floor(random.unit() * free.length), 1);
    return { address: address!, turnaround: index === 0 ? 40 : { minMs: 3, maxMs: 15 } };
  });
}

function allPeripherals(): PeripheralOptions[] {
  return ADDRESSES.map((address) => ({ address, turnaround: 3 }));
}

function createPacedLine(baudRate: number, peripherals: PeripheralOptions[], seed: number): OsdpLine {
  return createOsdpLine({ baudRate, peripherals, seed, clock: createPreciseClock() });
}

/** The time of the frames that had to be exchanged, on the wire and in the peripherals; a silent address costs its request and the window. */
function neededMs(line: OsdpLine, baudRate: number, present: number, windowMs: number): number {
  const { replies, replyWireMs, turnaroundMs } = line.stats();
  const requestMs = wireMs(encodeFrame({ address: 0, sequence: 0, code: 0x61, data: Buffer.from([0]) }).length, baudRate);
  // Answers that had to be asked for again count once.
  const share = (2 * present) / replies;
  return (replyWireMs + turnaroundMs) * share + 2 * present * requestMs + (ADDRESSES.length - present) * (requestMs + windowMs);
}

/** One cold scan by the real bus on a fresh line. */
async function coldScan(baudRate: number, peripherals: PeripheralOptions[], seed: number) {
  const line = createPacedLine(baudRate, peripherals, seed);
  const log = createFakeLog();
  const bus = createOsdpBus({
    id: 'bench',
    path: 'paced line',
    baudRate,
    addresses: ADDRESSES,
    allowDefaultKey: false,
    keys: new Map(),
    serialPorts: createFakePort(line.wire),
    clock: createMonotonicClock(),
    wallClock: createWallClock(),
    entropy: createEntropy(),
    log,
  });
  const startMs = performance.now();
  let tookMs = 0;
  let needed = 0;
  let found = 0;
  await new Promise<void>((resolve) => {
    bus.onEvent((event) => {
      if (event.kind !== 'scan_complete') return;
      tookMs = performance.now() - startMs;
      found = bus.nodes().filter((node) => node.available && node.vendor !== null && node.capabilities.length > 0).length;
      const scanned = log.lines.find((entry) => entry.event === 'scan_complete');
      needed = neededMs(line, baudRate, peripherals.length, scanned?.windowMs as number);
      resolve();
    });
    bus.start();
  });
  await bus.stop();
  line.stop();
  return { tookMs, found, ratio: tookMs / needed };
}

/** What everybody does: each address in turn with the full wait, identity and capabilities of those that answer. */
async function plainScan(baudRate: number, peripherals: PeripheralOptions[], seed: number): Promise<number> {
  const twin = createPacedLine(baudRate, peripherals, seed);
  const line = createLine({
    baudRate,
    clock: createMonotonicClock(),
    timings: DEFAULT_TIMINGS,
    port: { write: (bytes) => twin.wire.write(bytes), hold: () => {}, take: () => {} },
    onStray: () => {},
  });
  twin.wire.onData((bytes) => line.receive(bytes));
  const ask = async (address: number, sequence: 0 | 1, code: number) => {
    const bytes = encodeFrame({ address, sequence, code, data: Buffer.from([0]) });
    const outcome = await line.transact({ bytes, address, windowMs: PLAIN_WAIT_MS, answers: (frame) => frame.sequence === sequence });
    return outcome.kind === 'reply' && decodeReply(outcome.frame.code, outcome.frame.data).kind !== 'unknown';
  };
  const startMs = performance.now();
  for (const address of ADDRESSES) if (await ask(address, 0, 0x61)) await ask(address, 1, 0x62);
  const tookMs = performance.now() - startMs;
  twin.stop();
  return tookMs;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

const round = (value: number, digits = 0) => Number(value.toFixed(digits));

async function measure(baud: number, all: boolean, runs: number, say: (line: string) => void): Promise<ScanCase> {
  const peripheralsOf = (seed: number) => (all ? allPeripherals() : fewPeripherals(seed));
  const results: Awaited<ReturnType<typeof coldScan>>[] = [];
  for (let run = 1; run <= runs; run++) {
    const result = await coldScan(baud, peripheralsOf(run), run);
    results.push(result);
    say(`  run ${run}: ${result.found} found in ${round(result.tookMs)} ms, ${round(result.ratio, 3)} of the wire's time`);
  }
  const plainMs = await plainScan(baud, peripheralsOf(1), 1);
  const coldMs = median(results.map((result) => result.tookMs));
  return {
    baud,
    present: peripheralsOf(1).length,
    addresses: ADDRESSES.length,
    runs,
    foundMin: Math.min(...results.map((result) => result.found)),
    coldMs: round(coldMs),
    plainMs: round(plainMs),
    speedup: round(plainMs / coldMs, 2),
    wireRatio: round(median(results.map((result) => result.ratio)), 3),
  };
}

/** Cold scans of a paced line in real time, beside the plain scan. */
export async function runScanBench({
  json,
  runs = { few: 20, all: 3 },
}: ScanBenchOptions): Promise<{ cases: ScanCase[]; secured: SecuredCase }> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const [load] = loadavg();
  if (load! > MAX_LOAD) say(`other processes keep this machine busy (load ${round(load!, 1)}): the figures will be too high`);
  const cases: ScanCase[] = [];
  for (const all of [false, true]) {
    for (const baud of BAUD_RATES) {
      say(`${all ? 'all' : FEW} of ${ADDRESSES.length} at ${baud} baud`);
      const result = await measure(baud, all, all ? runs.all : runs.few, say);
      cases.push(result);
      say(
        `  median ${result.coldMs} ms, plain ${result.plainMs} ms: ${result.speedup} times as fast, ${result.wireRatio} of the wire's time`,
      );
    }
  }
  say('all secured with their own keys');
  const secured = await measureSecured();
  say(`  ${secured.present} at ${secured.baud} baud: first refresh ${secured.firstMs} ms, later ones up to ${secured.laterMs} ms`);
  if (json) say(JSON.stringify({ cases, secured }));
  return { cases, secured };
}

/** What a case misses of its targets, in words. */
function missesOf({ baud, present, foundMin, speedup, wireRatio }: ScanCase): string[] {
  const misses: string[] = [];
  const maxWireRatio = MAX_WIRE_RATIOS[baud]!;
  if (foundMin < present) misses.push(`found ${foundMin} of ${present}`);
  if (present === FEW && speedup < MIN_SPEEDUP) misses.push(`${speedup} times as fast, not ${MIN_SPEEDUP}`);
  if (present === ADDRESSES.length && wireRatio > maxWireRatio) misses.push(`${wireRatio} of the wire's time, not ${maxWireRatio}`);
  return misses.map((miss) => `scan: ${present} present at ${baud} baud: ${miss}`);
}

/** `npm run bench -- scan [--json] [--quick]`; `--quick` does two runs and one. Answers 0 when every target is met. */
export async function run(args: string[]): Promise<number> {
  const { cases, secured } = await runScanBench({
    json: args.includes('--json'),
    ...(args.includes('--quick') && { runs: { few: 2, all: 1 } }),
  });
  const misses = [...cases.flatMap(missesOf), ...missesOfSecured(secured)];
  for (const miss of misses) process.stderr.write(`${miss}\n`);
  return misses.length === 0 ? 0 : 1;
}
