import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createUpdateWorld } from '../hil/rig/update-world.ts';
import { buildBundle } from './cost/bundle.ts';
import { memoryOf } from './cost/proc.ts';

/** The trial lasts a tenth of it here, and a minute on a hub. */
const TRIAL_SECONDS = 60;
const SETTLE_MS = 10_000;
const SAMPLE_MS = 20;
const TARGETS = { bytes: 1_000_000, peakExtraMB: 10 };
const HUBS = 10_000;
/** USD. A remote action of AWS IoT Device Management, a message of AWS IoT Core, a byte out of S3; list prices as remembered, not looked up. */
const PRICES = { remoteAction: 0.003, message: 1e-6, byte: 0.09 / 2 ** 30 };

const say = (line: string) => process.stdout.write(`${line}\n`);
const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

/** The bundle as texts, without the line for a shell; its native modules stay where they were built. */
function bundleTexts(dist: string): Record<string, string> {
  const names = readdirSync(dist).filter((name) => name.endsWith('.cjs') && name !== 'hub-updater.cjs');
  const texts = names.map((name) => [
    name,
    readFileSync(join(dist, name), 'utf8').replace(/^#!.*/, '').replaceAll('./native/', `${dist}/native/`),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

/** Null: the process has ended. */
function residentMB(pid: number): number | null {
  try {
    return memoryOf(pid).rssMB;
  } catch {
    return null;
  }
}

/** One update of agent and hubctl by a job, with the built bundle. With `--json` the last line is JSON; a missed target makes the exit code 1. */
export async function run(args: string[]): Promise<number> {
  const world = await createUpdateWorld({ trialSeconds: TRIAL_SECONDS, base: bundleTexts(buildBundle()) });
  const { rig, hub, store } = world;
  try {
    await sleep(SETTLE_MS);
    let messages = 0;
    rig.iotCore.onMessage('$aws/things/+/jobs/#', () => void messages++);
    const { pid } = hub.agent();
    const idleMB = memoryOf(pid).rssMB;
    let peakMB = idleMB;
    let fetching = true;
    const startedMs = performance.now();
    world.send('bench', hub.release(20));
    const ended = world.ended('bench', (_, { step }) => {
      if (step === 'trial') fetching = false;
    });
    while (fetching) {
      const nowMB = residentMB(pid);
      // It has stopped for the trial.
      if (nowMB === null) break;
      peakMB = Math.max(peakMB, nowMB);
      await sleep(SAMPLE_MS);
    }
    const { status, reason } = await ended;
    const jobMs = Math.round(performance.now() - startedMs);
    const bytes = store.requests.reduce((sum, request) => sum + request.bytes, 0);
    const perHub = PRICES.remoteAction + messages * PRICES.message + bytes * PRICES.byte;
    const figures = {
      succeeded: status === 'SUCCEEDED',
      bytes,
      jobMs,
      peakExtraMB: round(peakMB - idleMB, 1),
      usdFor10000Hubs: round(perHub * HUBS, 2),
    };
    say(
      `${status} ${reason}: ${store.requests.length} parts, ${bytes} bytes, ${messages} messages of the Jobs service, ${jobMs} ms with a trial of ${TRIAL_SECONDS / 10} s`,
    );
    say(`memory: ${idleMB} MB idle, ${round(peakMB, 1)} MB at most while it was fetched and stopped`);
    if (args.includes('--json')) say(JSON.stringify(figures));
    return figures.succeeded && bytes <= TARGETS.bytes && figures.peakExtraMB <= TARGETS.peakExtraMB ? 0 : 1;
  } finally {
    await world.stop();
  }
}
