import { until } from '../cloud-world.ts';
import { currentSsid } from '../network.ts';
import { createExpectations, type Outcome, type Scenario, type UpdateContext } from '../scenario.ts';
import type { VirtualRelease } from '../update/releases.ts';
import { TRIAL_SECONDS } from '../update/update-world.ts';

export type Expect = (condition: boolean, otherwise: string) => void;

/** A boot, a trial, and the way back, on a busy host. */
const END_TIMEOUT_MS = 900_000;
/** Until a step of an update begins. */
export const STEP_TIMEOUT_MS = 300_000;

/** What the cloud is told of the release that runs (contract, "reported.update"). */
interface ReportedUpdate {
  sequence: number;
  trial: boolean;
}

/** What a scenario says of itself. */
export interface Told {
  answer: string;
  /** The release that is to run at the end; 0: the package's own. */
  runs: number;
  /** The job that is to have ended, and how; null: no job. */
  job: { id: string; end: string | readonly string[]; release: VirtualRelease } | null;
}

const sequenceOf = ({ manifest }: VirtualRelease) => manifest.sequence;

/** Waits until the hub answers a command and reports the wanted release, committed. */
async function runs({ world, updates, signal }: UpdateContext, sequence: number, timeoutMs = END_TIMEOUT_MS): Promise<boolean> {
  const wanted = sequence === 0 ? sequenceOf(updates.releases.factory) : sequence;
  const reported = () => {
    const shadow = world.cloud.iotCore.shadow(world.cloud.identity.hubId).get()?.state.reported;
    const update = shadow?.update as ReportedUpdate | undefined;
    return shadow?.online === true && update?.sequence === wanted && update.trial === false;
  };
  const from = performance.now();
  if (!(await until(reported, timeoutMs, signal))) return false;
  return world.cloud.responds(Math.max(60_000, timeoutMs - (performance.now() - from)), signal);
}

/**
 * An update and what became of it. At its end the hub must run the wanted release, committed, and answer commands (else it is bricked); the job must
 * say what is so (else it is untrue); and the attempt must have been tried once (else it was done twice).
 */
export function update(name: string, work: (context: UpdateContext, expect: Expect) => Promise<Told>): Scenario {
  return {
    name: `update: ${name}`,
    kind: 'update',
    async run(context): Promise<Outcome> {
      const { hub, updates } = context;
      const { problems, expect } = createExpectations();
      const started = performance.now();
      await updates.setTrialSeconds(TRIAL_SECONDS);
      const told = await work(context, expect);
      let untrue = false;
      if (told.job) {
        const end = await updates.ended(told.job.id, END_TIMEOUT_MS);
        const wanted = [told.job.end].flat();
        expect(end !== null && wanted.includes(end), `the job ended ${end}, not ${wanted.join(' or ')}`);
        untrue = end === null;
      }
      const stranded = !(await runs(context, told.runs));
      const state = await updates.state();
      expect(state.trial === null, `release ${state.trial?.sequence} is still on trial`);
      expect(state.current.sequence === told.runs, `${state.current.sequence} is committed, not ${told.runs}`);
      let twice = false;
      if (told.job) {
        const { id, release } = told.job;
        const succeeded = context.world.cloud.iotCore.jobs.execution(id)?.status === 'SUCCEEDED';
        untrue ||= succeeded !== (state.current.sequence === sequenceOf(release));
        twice = state.history.filter(({ what, attempt }) => what === 'trial' && attempt === `${id}:1`).length > 1;
      }
      await updates.letGo();
      return {
        network: await currentSsid(hub),
        answer: told.answer,
        tookMs: performance.now() - started,
        problems,
        stranded,
        untrue,
        twice,
      };
    },
  };
}

/** Sends a release and waits until the hub has it on trial and its agent runs. */
export async function onTrial({ updates }: UpdateContext, release: VirtualRelease, expect: Expect): Promise<string> {
  const began = updates.says('"event":"trial_started"', STEP_TIMEOUT_MS);
  const job = updates.send(release);
  expect(await began, 'the trial did not begin');
  return job;
}

/** The sequence that is committed now. */
export const committed = async ({ updates }: UpdateContext): Promise<number> => (await updates.state()).current.sequence;
