import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { createRecorder } from '../../scripts/demo/page/recorder.ts';
import { packRecording } from '../../scripts/demo/page/recording.ts';
import { startDemo } from '../hil/rig/demo-process.ts';
import { launch, open } from '../page/browser.ts';
import { addressIn } from '../page/world.ts';
import { cpuMsOf } from './cost/proc.ts';

/** What a page that is open may cost the harness, per cent of a core; its own heap, MB; its longest task while it scrolls, ms of processor time. */
const TARGETS = { cpuPercent: 5, heapMegabytes: 60, longestTaskMs: 50 };
const ROWS = 10_000;
/** A wheel of a mouse. */
const SCROLL_STEP = 1_200;
const SETTLE_MS = 15_000;
const COMMAND_MS = 5_000;

const USAGE = `usage: npm run bench -- page [--json] [--seconds N] [--minutes N]

What the demo's page costs: processor of the harness at rest without and with an open page (--seconds each, default 30), the page's heap after
--minutes of traffic (default 10) with a command every ${COMMAND_MS / 1_000} s, and the longest task of a browser that scrolls through ${ROWS} lines: its
processor time, and its length, which a busy machine makes longer. Needs Debian's chromium.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Processor of a process over a time, per cent of a core. */
async function cpuPercentOf(pid: number, seconds: number): Promise<number> {
  const before = { cpuMs: cpuMsOf(pid), atMs: performance.now() };
  await sleep(seconds * 1_000);
  return ((cpuMsOf(pid) - before.cpuMs) / (performance.now() - before.atMs)) * 100;
}

async function heapMegabytesOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / 1_048_576;
}

async function atRest(browser: Browser, seconds: number, minutes: number) {
  await using demo = await startDemo('--port', '0');
  await demo.untilPrinted('The hub, live');
  await sleep(SETTLE_MS);
  const pid = demo.child.pid!;
  const without = await cpuPercentOf(pid, seconds);
  const context = await browser.newContext();
  const { page } = await open(context, addressIn(demo.out()));
  await sleep(SETTLE_MS / 3);
  const withPage = await cpuPercentOf(pid, seconds);
  const commands = await traffic(page, demo.out(), Math.max(0, minutes * 60 - seconds) * 1_000);
  const heapMegabytes = await heapMegabytesOf(page);
  await context.close();
  return { without, withPage, heapMegabytes, commands };
}

/** Sends commands for so long, as the page does. Returns how many the API took. */
async function traffic(page: Page, output: string, lengthMs: number): Promise<number> {
  const { origin, searchParams } = new URL(addressIn(output));
  const hubId = /\/hubs\/([0-9a-f-]{36})\//.exec(output)![1];
  const headers = { 'x-page-token': searchParams.get('token') ?? '', 'content-type': 'application/json' };
  const body = JSON.stringify({ hubId, command: 'get_nodes', args: { refresh: true } });
  let taken = 0;
  for (const endMs = performance.now() + lengthMs; performance.now() < endMs; await sleep(COMMAND_MS)) {
    const answer = await page.request.post(`${origin}/call`, { headers, data: { call: 'SendHubCommand', body } });
    if (((await answer.json()) as { status?: number }).status === 200) taken += 1;
  }
  return taken;
}

/** An event of Chromium's trace; times are microseconds. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  dur?: number;
  /** Processor time: a machine that is busy with other things does not lengthen it. */
  tdur?: number;
  args?: { name?: string };
}

/** The longest task on the main thread of a page, milliseconds: by its processor time, and by its length. */
function longestTask(trace: Buffer): { cpuMs: number; wallMs: number } {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith('RunTask') && mains.has(`${pid} ${tid}`));
  if (tasks.length === 0) throw new Error('the trace of the browser has no task of a page');
  const longest = (of: (task: TraceEvent) => number) => tasks.reduce((most, task) => Math.max(most, of(task)), 0) / 1_000;
  return { cpuMs: longest(({ tdur, dur = 0 }) => tdur ?? dur), wallMs: longest(({ dur = 0 }) => dur) };
}

/** The longest task while a page scrolls from one end of its lines to the other and back. */
async function scrolled(browser: Browser) {
  const folder = await mkdtemp(join(tmpdir(), 'hub-bench-page-'));
  try {
    const recorder = createRecorder({ nowMs: () => 1_795_300_000_000 });
    for (let index = 0; index < ROWS; index += 1) {
      recorder.record({
        kind: 'log',
        level: 'info',
        event: `event_${index}`,
        text: `line ${index} of many, with some words in it`,
        fields: {},
      });
    }
    const file = join(folder, 'run.ndjson.gz');
    await writeFile(file, await packRecording(recorder.recorded(), 0));
    await using demo = await startDemo('--replay', file);
    await demo.untilPrinted('token=');
    const context = await browser.newContext();
    const { page } = await open(context, addressIn(demo.out()));
    await sleep(2_000);
    await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
    const rows = page.getByRole('region', { name: 'Lines' });
    await rows.hover();
    for (const step of [-SCROLL_STEP, SCROLL_STEP]) {
      for (let scrolledTo = 0; scrolledTo < ROWS * 24; scrolledTo += SCROLL_STEP) await page.mouse.wheel(0, step);
    }
    const longest = longestTask(await browser.stopTracing());
    await context.close();
    return longest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '30' },
      minutes: { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const browser = await launch();
  try {
    const { cpuMs, wallMs } = await scrolled(browser);
    const { without, withPage, heapMegabytes, commands } = await atRest(browser, Number(values.seconds), Number(values.minutes));
    const round = (value: number) => Math.round(value * 100) / 100;
    const result = {
      cpuPercent: round(withPage - without),
      cpuPercentWithout: round(without),
      heapMegabytes: round(heapMegabytes),
      commands,
      longestTaskMs: round(cpuMs),
      longestTaskWallMs: round(wallMs),
    };
    const missed = Object.entries(TARGETS).filter(([name, most]) => result[name as keyof typeof TARGETS] > most);
    if (!values.json)
      for (const [name, most] of Object.entries(TARGETS)) say(`${name} ${result[name as keyof typeof TARGETS]} (target ${most})`);
    say(JSON.stringify({ ...result, minutes: Number(values.minutes), missed: missed.map(([name]) => name) }));
    return missed.length === 0 ? 0 : 1;
  } finally {
    await browser.close();
  }
}
