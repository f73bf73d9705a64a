import { until } from '../cloud-world.ts';
import type { Scenario, UpdateContext } from '../scenario.ts';
import type { Hold } from '../update/update-world.ts';
import { committed, type Expect, onTrial, STEP_TIMEOUT_MS, update } from './update-steps.ts';

const TRIAL_BEGINS = '"event":"trial_started"';
/** What a hub without a battery may show: a day after the epoch. */
const WRONG_CLOCK_MS = 86_400_000;

/** The power goes at a place of the way to the trial; the release is committed all the same. */
function cut(name: string, at: Hold): Scenario {
  return update(`power cut: ${name}`, async ({ updates, hub }, expect) => {
    const release = updates.releases.next();
    await updates.hold(at);
    const id = updates.send(release);
    expect(await updates.held(STEP_TIMEOUT_MS), 'it never came there');
    await hub.powerCut();
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  });
}

/** The power goes at a place of the way from the trial to its end. */
function cutInTrial(name: string, at: Hold, { rollback = false, prepare = async (_: UpdateContext) => {} } = {}): Scenario {
  return update(`power cut: ${name}`, async (context, expect) => {
    const { updates, hub } = context;
    await prepare(context);
    const before = await committed(context);
    const release = updates.releases.next();
    const id = await onTrial(context, release, expect);
    await updates.hold(at);
    // It waits for the updater, which is held.
    if (rollback) await hub.must('setsid hubctl update rollback --yes < /dev/null > /dev/null 2>&1 &');
    expect(await updates.held(STEP_TIMEOUT_MS), 'it never came there');
    await hub.powerCut();
    return rollback
      ? { answer: 'left', runs: before, job: { id, end: 'FAILED asked', release } }
      : { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  });
}

/** Cuts the power each time the release on trial has begun to work. */
async function cutInARow({ updates, hub }: UpdateContext, times: number, expect: Expect): Promise<void> {
  for (let left = times; left > 0; left -= 1) {
    const again = left > 1 ? updates.says(TRIAL_BEGINS, STEP_TIMEOUT_MS) : Promise.resolve(true);
    await hub.powerCut();
    expect(await again, `the trial did not go on with ${left - 1} cuts to come`);
  }
}

/** Two releases over the package's own, so that the next commit leaves one to be removed. */
async function haveTwo({ updates }: UpdateContext): Promise<void> {
  while ((await updates.state()).previous.sequence === 0) {
    const ended = await updates.ended(updates.send(updates.releases.next()), 2 * STEP_TIMEOUT_MS);
    if (ended !== 'SUCCEEDED committed') throw new Error(`a good release ended ${ended}`);
  }
}

/** Power cuts at every step of an update: see docs/updates.md, "On the hub". */
export const updateCuts: Scenario[] = [
  update('power cut: in the download', async ({ updates, hub, world }, expect) => {
    const { store } = world.cloud;
    const release = updates.releases.next({ ballast: 600_000 });
    store.faults.slow(20_000);
    const id = updates.send(release);
    const asked = () => store.requests.length;
    const from = asked();
    const partial = 'ls /var/lib/hub-agent/update/parts/*.zst 2> /dev/null | grep -q .';
    const began = await until(async () => (await hub.run(partial)).exitCode === 0, STEP_TIMEOUT_MS, new AbortController().signal);
    expect(began, 'the download did not begin');
    await hub.powerCut();
    store.faults.slow(null);
    const end = await updates.ended(id, 2 * STEP_TIMEOUT_MS);
    return {
      answer: `${end}, ${asked() - from} requests`,
      runs: release.manifest.sequence,
      job: { id, end: 'SUCCEEDED committed', release },
    };
  }),
  cut('a part is fetched and has no name yet', 'hub-agent rename before \\.unpacked'),
  cut('the updater is asked', 'hub-updater openSync after request\\.json'),
  cut("in the updater's copy", 'hub-updater openSync after \\.new/hub-agent\\.cjs'),
  cut('the parts are there, the release has no name yet', 'hub-updater renameSync before releases/\\d+\\.new'),
  cut('the release has its name, its folder is not flushed', 'hub-updater renameSync after releases/\\d+\\.new'),
  cut('the state is written beside the old one', 'hub-updater renameSync before releases/state\\.new'),
  cut('the state is in its place, and not flushed', 'hub-updater renameSync after releases/state\\.new'),
  cut('the trial is durable, the request still there', 'hub-updater unlinkSync before request\\.json'),
  cut('the trial is durable, before the restart', 'launch systemctl before try-restart'),
  cut('the old agent stops', 'hub-agent rename before before\\.json'),
  cut('before the start is counted', 'launch mv before count.new'),
  cut('after the start is counted', 'launch mv after count.new'),
  update('power cut: in the trial', async (context, expect) => {
    const release = context.updates.releases.next();
    const id = await onTrial(context, release, expect);
    await context.hub.powerCut();
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),
  cutInTrial('it is confirmed, before the commit', 'hub-updater openSync after confirm\\.json'),
  cutInTrial('the commit is in its place, and not flushed', 'hub-updater renameSync after releases/state\\.new'),
  cutInTrial('it is committed, the confirmation still there', 'hub-updater unlinkSync before confirm\\.json'),
  cutInTrial('it is committed, before SUCCEEDED', 'hub-agent rename before update-job\\.json'),
  update('power cut: after SUCCEEDED, before its answer', async (context, expect) => {
    const { updates, hub, world } = context;
    const release = updates.releases.next();
    const id = await onTrial(context, release, expect);
    const told = await updates.job(id, ({ statusDetails }) => statusDetails.step === 'trial', STEP_TIMEOUT_MS);
    expect(told !== null, 'no trial was told');
    world.cloud.iotCore.faults.loseJobsResponses(1);
    expect((await updates.ended(id, STEP_TIMEOUT_MS)) !== null, 'the job did not end');
    await hub.powerCut();
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),
  cutInTrial('an unused release is removed', 'hub-updater rmSync before releases/\\d+$', { prepare: haveTwo }),
  cutInTrial('the way back is written beside the old state', 'hub-updater renameSync before releases/state\\.new', { rollback: true }),
  cutInTrial('the way back is in its place, and not flushed', 'hub-updater renameSync after releases/state\\.new', { rollback: true }),
  cutInTrial('it went back, before FAILED', 'hub-agent rename before update-job\\.json', { rollback: true }),
  update('power cut: two in a row in a trial', async (context, expect) => {
    const release = context.updates.releases.next();
    const id = await onTrial(context, release, expect);
    await cutInARow(context, 2, expect);
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),
  update('power cut: five in a row in a trial', async (context, expect) => {
    const before = await committed(context);
    const release = context.updates.releases.next();
    const id = await onTrial(context, release, expect);
    await cutInARow(context, 4, expect);
    const back = async () => (await context.updates.chosen()) === `${before} committed`;
    expect(await until(back, STEP_TIMEOUT_MS, context.signal), 'the release before does not start');
    await context.hub.powerCut();
    return { answer: 'left', runs: before, job: { id, end: 'FAILED boots_used_up', release } };
  }),
  update('power cut: in the trial, and the clock is lost', async (context, expect) => {
    const { updates, hub } = context;
    const release = updates.releases.next();
    const id = await onTrial(context, release, expect);
    const waits = updates.says('clock_unsynced', STEP_TIMEOUT_MS);
    await hub.powerCut();
    await hub.setClock(WRONG_CLOCK_MS);
    expect(await waits, 'the trial does not wait for its clock');
    await hub.setClock(Date.now());
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),
];
