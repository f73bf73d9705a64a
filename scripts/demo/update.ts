import { createUpdateWorld, type UpdateWorld } from '../../test/hil/rig/update-world.ts';
import type { Ending } from './ending.ts';
import { exitCodeOf } from './ending.ts';
import type { Screen } from './screen.ts';
import { createTour, type Tour } from './tour.ts';

/** A trial of the demo is over sooner than a hub's, which lasts a minute at least. */
const TRIAL_SECONDS = 60;
const GOOD = 20;
const BAD = 30;

/** Sends a release as a job, shows what becomes of it, and throws when it ends otherwise than it should. */
async function sendAndFollow(
  { send, ended, hub }: UpdateWorld,
  screen: Screen,
  job: { id: string; sequence: number; script: string; end: string },
): Promise<string> {
  let last = '';
  send(job.id, hub.release(job.sequence, job.script));
  const { status, reason } = await ended(job.id, (now, details) => {
    const line = [now, ...Object.entries(details).map(([name, value]) => `${name} ${value}`)].join(', ');
    if (line !== last) screen.event('cloud', `job ${job.id}: ${line}`);
    last = line;
  });
  const end = `${status} ${reason}`;
  if (end !== job.end) throw new Error(`the job ended ${end}, not ${job.end}`);
  return end;
}

async function runs({ rig }: UpdateWorld, sequence: number): Promise<string> {
  const { failed } = await rig.untilReported(`release ${sequence} in the shadow`, ({ online, update }) => {
    const release = update as { sequence: number; trial: boolean; failed?: { sequence: number; reason: string } } | undefined;
    return online === true && release?.sequence === sequence && !release.trial && release;
  });
  return `the hub is online with release ${sequence}${failed ? `; ${failed.sequence} was rolled back: ${failed.reason}` : ''}`;
}

async function steps(world: UpdateWorld, tour: Tour, screen: Screen): Promise<void> {
  await tour.step('a good release', () =>
    sendAndFollow(world, screen, { id: 'update-good', sequence: GOOD, script: '', end: 'SUCCEEDED committed' }),
  );
  await tour.step('it runs', () => runs(world, GOOD));
  const bad = { id: 'update-bad', sequence: BAD, script: 'process.exit(1);', end: 'FAILED starts_used_up' };
  await tour.step('one that ends at once', () => sendAndFollow(world, screen, bad));
  await tour.step('the good one is back', () => runs(world, GOOD));
}

/** An update over AWS IoT Jobs with a real agent, launcher and updater; then a bad one, which goes back. Returns the exit code. */
export async function update(screen: Screen, ending: Ending): Promise<number> {
  const tour = createTour(screen, ending.signal);
  screen.title('Updates over the air');
  screen.text(
    'A hub with its first release, a virtual AWS IoT Core with Jobs, a store with releases, and a signing key made for this demo.',
  );
  const world = await createUpdateWorld({ trialSeconds: TRIAL_SECONDS });
  try {
    await steps(world, tour, screen);
  } finally {
    await world.stop();
  }
  const { reason } = ending;
  screen.line(JSON.stringify({ ok: tour.ok, ...(reason && { interrupted: reason }), steps: tour.steps }));
  if (reason && !tour.failed) return exitCodeOf(reason);
  return tour.ok ? 0 : 1;
}
