import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRig } from '../hil/rig/rig.ts';
import { buildBundle, buildFloor } from './cost/bundle.ts';
import { cpuMsOf, diskBytesOf, wakeupsOf } from './cost/proc.ts';
import { EIGHT_PERIPHERALS, startAgent, startFloor, untilFound } from './cost/processes.ts';
import { readOptions } from './options.ts';

/** Share of a core that polling eight peripherals may take, by the speed of their line. */
const CPU_TARGETS: Readonly<Record<number, number>> = { 9600: 1, 115200: 2 };
/** What follows a start: the first reports, the first look for peripherals that are not there. */
const SETTLE_MS = 20_000;
/** The contract's heartbeat: a shorter time may pass without any message. */
const HEARTBEAT_SECONDS = 900;

const USAGE = `usage: npm run bench -- idle [--json] [--seconds N]

Processor, wake-ups, disk and messages of the built bundle with the unit's own Node options while nothing happens: online, eight peripherals polled
at 9600 and at 115200 baud, for ten minutes or --seconds; in the same time the floor, which only holds its connection. Builds the bundle.
`;

interface Case {
  program: 'agent' | 'floor';
  baudRate: number | null;
  seconds: number;
  cpuPercent: number;
  wakeupsPerSecond: number;
  diskBytes: number;
  /** Messages that the hub published, and the bytes of their payloads. */
  messages: number;
  messageBytes: number;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

async function measure(pid: number, seconds: number): Promise<Pick<Case, 'seconds' | 'cpuPercent' | 'wakeupsPerSecond' | 'diskBytes'>> {
  const before = { cpuMs: cpuMsOf(pid), wakeups: wakeupsOf(pid), diskBytes: diskBytesOf(pid), atMs: performance.now() };
  await sleep(seconds * 1_000);
  const elapsedMs = performance.now() - before.atMs;
  return {
    seconds,
    cpuPercent: round(((cpuMsOf(pid) - before.cpuMs) / elapsedMs) * 100, 2),
    wakeupsPerSecond: round(((wakeupsOf(pid) - before.wakeups) / elapsedMs) * 1_000, 1),
    diskBytes: diskBytesOf(pid) - before.diskBytes,
  };
}

async function agentCase(bundle: string, baudRate: number, seconds: number): Promise<Case> {
  await using rig = await createRig({ peripherals: EIGHT_PERIPHERALS, addresses: ['0-7'], baudRate });
  const { pid, stop } = await startAgent(rig, bundle);
  await untilFound(rig, EIGHT_PERIPHERALS.length);
  await sleep(SETTLE_MS);
  let messages = 0;
  let messageBytes = 0;
  const end = rig.onMessage(({ clientId, payload }) => {
    if (clientId !== rig.hubId) return;
    messages += 1;
    messageBytes += payload.length;
  });
  const figures = await measure(pid, seconds);
  end();
  await stop();
  return { program: 'agent', baudRate, ...figures, messages, messageBytes };
}

async function floorCase(program: string, seconds: number): Promise<Case> {
  await using rig = await createRig();
  const { pid, stop } = await startFloor(rig, program);
  await sleep(SETTLE_MS);
  const figures = await measure(pid, seconds);
  await stop();
  return { program: 'floor', baudRate: null, ...figures, messages: 0, messageBytes: 0 };
}

/** `npm run bench -- idle [--json]`. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const values = readOptions(args, USAGE, { seconds: '600' });
  if (values === null) return 0;
  const seconds = Number(values.seconds);
  const bundle = join(buildBundle(), 'hub-agent.cjs');
  const folder = await mkdtemp(join(tmpdir(), 'hub-floor-'));
  let cases: Case[];
  try {
    const floor = await buildFloor(folder);
    // Side by side: what is counted belongs to each process.
    cases = await Promise.all([
      ...Object.keys(CPU_TARGETS).map((baud) => agentCase(bundle, Number(baud), seconds)),
      floorCase(floor, seconds),
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say('| | processor, % of a core | wake-ups a second | bytes to disk | messages |');
  say('|---|---:|---:|---:|---:|');
  for (const { program, baudRate, cpuPercent, wakeupsPerSecond, diskBytes, messages } of cases) {
    const name = baudRate === null ? program : `${program}, ${baudRate} baud`;
    say(`| ${name} | ${cpuPercent} | ${wakeupsPerSecond} | ${diskBytes} | ${messages} |`);
  }
  const { program: _program, baudRate: _baudRate, ...first } = cases[0]!;
  if (values.json) say(JSON.stringify({ ...first, cases }));
  const allowedMessages = Math.floor(seconds / HEARTBEAT_SECONDS);
  const isMet = cases.every(
    ({ baudRate, cpuPercent, diskBytes, messages }) =>
      baudRate === null || (cpuPercent <= CPU_TARGETS[baudRate]! && diskBytes === 0 && messages <= allowedMessages),
  );
  return isMet ? 0 : 1;
}
