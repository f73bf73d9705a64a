import type { Scenario } from '../scenario.ts';
import { committed, onTrial, STEP_TIMEOUT_MS, update } from './update-steps.ts';

/** What the units are held to: `systemd-analyze security`. */
const MAX_UPDATER_EXPOSURE = 3.5;
const MAX_AGENT_EXPOSURE = 2;
const LAUNCHES = 10;
const LONG_TRIAL_SECONDS = 1_200;
const APPLY_TIMEOUT_MS = 600_000;
const COMMAND_TIMEOUT_MS = 300_000;

/** Updates that come to a good end, by each of the ways there are, and ways back that were asked for. */
export const goodUpdates: Scenario[] = [
  update('by a job', async ({ updates }, expect) => {
    const release = updates.releases.next({ ballast: 300_000 });
    const id = updates.send(release);
    expect((await updates.job(id, ({ statusDetails }) => statusDetails.step === 'trial', STEP_TIMEOUT_MS)) !== null, 'no trial was told');
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),

  update('the walls of the updater, and what the launcher costs', async (context, expect) => {
    const { hub } = context;
    const exposureOf = async (unit: string) =>
      Number(/: ([\d.]+)/.exec(await hub.must(`systemd-analyze security --no-pager ${unit} | tail -n 1`))?.[1]);
    const updater = await exposureOf('hub-agent-update.service');
    const agent = await exposureOf('hub-agent.service');
    expect(updater < MAX_UPDATER_EXPOSURE, `the exposure of the updater is ${updater}`);
    expect(agent < MAX_AGENT_EXPOSURE, `the exposure of the agent is ${agent}`);
    // Without a trial it chooses, and counts nothing.
    const script = `from=$(date +%s%N); for each in $(seq ${LAUNCHES}); do /usr/lib/hub-agent/launch select; done; echo $((($(date +%s%N) - from) / ${LAUNCHES}000000))`;
    const launchMs = Number(await hub.must(script));
    return { answer: `exposure ${updater}, launcher ${launchMs} ms`, runs: await committed(context), job: null };
  }),

  update('from a file, by hubctl update apply', async (context, expect) => {
    const { updates, hub } = context;
    const before = await committed(context);
    const release = updates.releases.next();
    const path = await updates.carry(release);
    const { exitCode, stdout, stderr } = await hub.run(`hubctl update apply ${path}`, { timeoutMs: APPLY_TIMEOUT_MS });
    expect(exitCode === 0, `hubctl update apply ended with ${exitCode}: ${(stderr || stdout).slice(-300)}`);
    // In the sandbox a link does not lead from the package's mount; between releases it does.
    const shared = `cd /var/lib/hub-agent-releases && [ ${before}/bundle.cjs -ef ${release.manifest.sequence}/bundle.cjs ]`;
    if (before > 0) expect((await hub.run(shared)).exitCode === 0, 'a part of both releases lies there twice');
    return { answer: 'committed', runs: release.manifest.sequence, job: null };
  }),

  update('left again by hubctl update rollback', async (context, expect) => {
    const { updates, hub } = context;
    const { current, previous } = await updates.state();
    expect(current.sequence > 0, 'there is nothing to leave');
    const { exitCode, stdout, stderr } = await hub.run('hubctl update rollback --yes', { timeoutMs: APPLY_TIMEOUT_MS });
    expect(exitCode === 0, `hubctl update rollback ended with ${exitCode}: ${(stderr || stdout).slice(-300)}`);
    return { answer: `${current.sequence} for ${previous.sequence}`, runs: previous.sequence, job: null };
  }),

  update('a trial is left by hubctl update rollback, another release is refused meanwhile', async (context, expect) => {
    const { updates, hub } = context;
    const before = await committed(context);
    const release = updates.releases.next();
    const path = await updates.carry(updates.releases.next());
    // So that it is still on trial when the other one comes.
    await updates.setTrialSeconds(LONG_TRIAL_SECONDS);
    const id = await onTrial(context, release, expect);
    const other = await hub.run(`hubctl update apply ${path}`, { timeoutMs: APPLY_TIMEOUT_MS });
    expect(other.exitCode === 1, `a release during a trial: hubctl ended with ${other.exitCode}: ${other.stderr || other.stdout}`);
    await hub.run('hubctl update rollback --yes', { timeoutMs: APPLY_TIMEOUT_MS });
    return { answer: 'left', runs: before, job: { id, end: 'FAILED asked', release } };
  }),

  update('a command in flight: the release waits for its end', async ({ updates, world, signal }, expect) => {
    const { store } = world.cloud;
    const release = updates.releases.next({ ballast: 300_000 });
    store.faults.slow(10_000);
    const id = updates.send(release);
    expect((await updates.job(id, ({ status }) => status === 'IN_PROGRESS', STEP_TIMEOUT_MS)) !== null, 'the job was not taken');
    const reached = world.reaches('connecting', COMMAND_TIMEOUT_MS);
    const { ssid, security } = world.away;
    const wanted = { ssid, credentials: (security as { passphrase: string }).passphrase };
    const previous = await world.cloud.send('set_wifi_credentials', wanted);
    expect(await reached, 'the change of network did not begin');
    store.faults.slow(null);
    const answer = await world.cloud.answer(previous, COMMAND_TIMEOUT_MS, signal);
    expect(answer?.status === 'SUCCEEDED', `the command was answered ${answer?.status} ${answer?.error?.code ?? ''}`);
    expect((await updates.ended(id, STEP_TIMEOUT_MS * 2)) !== null, 'the job did not end');
    await world.settle();
    return {
      answer: `${answer?.status}, then committed`,
      runs: release.manifest.sequence,
      job: { id, end: 'SUCCEEDED committed', release },
    };
  }),
];
