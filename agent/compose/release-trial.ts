import { join } from 'node:path';
import type { Cloud } from '../cloud/cloud.ts';
import type { BusStatus } from '../contract/node.ts';
import { FACTORY_FOLDER, RELEASES_FOLDER, rootOf, TRIAL_SECONDS_FILE } from '../release/places.ts';
import { trialSeconds } from '../release/trial-seconds.ts';
import type { MonotonicClock } from '../system/clock.ts';
import type { Files } from '../system/files.ts';
import type { HostFacts } from '../system/host.ts';
import type { Log } from '../system/log.ts';
import { createReleaseTrial, type ReleaseTrial, type StartedAs } from '../trial/trial.ts';

/** How the launcher started this process, and where releases lie. */
export interface ReleasePorts extends StartedAs {
  /** Before the absolute path of every place; empty on a hub. */
  root: string;
}

/** What the launcher said in the environment (`systemd/launch`); null when another started the agent. `program`: the path of what it started. */
export function releasePorts(env: Readonly<Record<string, string | undefined>>, program: string): ReleasePorts | null {
  const { HUB_AGENT_RELEASE: release, HUB_AGENT_TRIAL: trial } = env;
  return /^\d{1,16}$/.test(release ?? '') ? { sequence: Number(release), trial: trial === '1', root: rootOf(program) } : null;
}

/** The part that a release on trial, or the one before it, has in the trial. */
export function releaseTrial(
  { release = null, files, clock, log }: { release?: ReleasePorts | null; files: Files; clock: MonotonicClock; log: Log },
  deps: { stateDirectory: string; host: HostFacts; buses(): readonly BusStatus[]; cloud(): Cloud; told(): boolean },
): ReleaseTrial {
  const root = release?.root ?? '';
  return createReleaseTrial({
    ...deps,
    files,
    clock,
    log: log.child({ part: 'trial' }),
    started: release,
    releases: join(root, '/', RELEASES_FOLDER),
    async trialSeconds() {
      const data = await files.read(join(root, '/', TRIAL_SECONDS_FILE)).catch(() => null);
      return trialSeconds(data?.toString('latin1') ?? null);
    },
    async factorySequence() {
      const text = (await files.read(join(root, '/', FACTORY_FOLDER, 'SEQUENCE')))?.toString('latin1').trim() ?? '';
      return /^\d{1,16}$/.test(text) ? Number(text) : null;
    },
    rssBytes: async () => (await deps.host.collect()).memory.agentRssBytes,
    onReport: (update) => deps.cloud().report({ update }),
  });
}
