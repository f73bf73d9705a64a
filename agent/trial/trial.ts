import { join } from 'node:path';
import type { BusStatus } from '../contract/node.ts';
import type { ReleaseReport } from '../contract/release.ts';
import { CONFIRM_FILE, UPDATE_FOLDER } from '../release/places.ts';
import { readReleasesState } from '../release/read-state.ts';
import type { ReleasesState, Verdict } from '../release/state.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';
import { messageOf } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { within } from '../system/timeout.ts';
import { readBefore, writeBefore } from './before.ts';
import { type Before, type TrialTimes, trialTimes, verdictOn } from './health.ts';

/** How the launcher started this process. */
export interface StartedAs {
  /** 0: the factory release. */
  sequence: number;
  trial: boolean;
}

/** The agent's part in the trial of a release: its own, while it is on trial, and that of the next, when it stops for one. */
export interface ReleaseTrial {
  /** The local services are up. */
  start(): void;
  /** Before anything is stopped: keeps what is up for a release on trial that runs next. Bounded in time; never throws. */
  stop(): Promise<void>;
  /** A session stands, and the cloud has acknowledged its birth. */
  linkUp(): void;
  linkDown(): void;
  report(): ReleaseReport;
}

export interface ReleaseTrialDeps {
  /** Null: not started by the launcher. Then there is no trial, and no release is reported. */
  started: StartedAs | null;
  /** Root's folder. */
  releases: string;
  /** The sequence of the package, for a factory release; null: not known. */
  factorySequence(): Promise<number | null>;
  /** How long the updater gives a trial. */
  trialSeconds(): Promise<number>;
  stateDirectory: string;
  files: Files;
  buses(): readonly BusStatus[];
  rssBytes(): Promise<number | null>;
  /** Whether the cloud has taken the update of the job that brought the release. Absent: no jobs. */
  told?: () => boolean;
  /** The report has changed. */
  onReport(report: ReleaseReport): void;
  clock: MonotonicClock;
  log: Log;
}

const LOOK_MS = 2_000;
/** Of a stop that must end in time. */
const STOP_MS = 2_000;

/** The last end of an attempt, if nothing was committed after it. */
function failedIn({ history }: ReleasesState): Pick<ReleaseReport, 'failed'> {
  const last = history.findLast(({ what }) => what !== 'trial');
  if (last === undefined || last.what === 'committed' || last.reason === 'asked') return {};
  return { failed: { sequence: last.sequence, what: last.what as 'rolled_back' | 'refused', reason: last.reason ?? 'unknown' } };
}

export function createReleaseTrial(deps: ReleaseTrialDeps): ReleaseTrial {
  const { started, releases, stateDirectory, files, clock, log } = deps;
  const stopped = new AbortController();
  let cancel: Cancel = () => {};
  let linked = false;
  /** There was a session in this process. */
  let wasOnline = false;
  let report: ReleaseReport = { sequence: null, factory: true, trial: false };

  const state = () => readReleasesState((path) => files.read(path, { follow: false }), releases);
  const up = () => deps.buses().flatMap((bus) => (bus.state === 'up' ? bus.id : []));

  async function look(trial: boolean): Promise<void> {
    if (started === null) return;
    const sequence = started.sequence === 0 ? await deps.factorySequence() : started.sequence;
    report = { sequence, factory: started.sequence === 0, trial, ...failedIn(await state()) };
    deps.onReport(report);
  }

  async function say(verdict: Verdict, sequence: number): Promise<void> {
    const path = join(stateDirectory, UPDATE_FOLDER, CONFIRM_FILE);
    await files.writeAtomic(path, JSON.stringify({ sequence, verdict }));
    log.warn({ event: 'trial_verdict', sequence, verdict }, 'the release on trial has reached its verdict');
  }

  /** Looks at itself until it can say how it is, and then for the commit. What cannot be written or read is tried again: the updater has a time limit. */
  function follow(sequence: number, { before, times }: { before: Before; times: TrialTimes }, sinceMs: number, said: boolean): void {
    async function turn(): Promise<boolean> {
      if (said) {
        const { trial, current } = await state();
        if (trial !== null || current.sequence !== sequence) return true;
        log.warn({ event: 'trial_committed', sequence }, 'the release is committed');
        await look(false);
        return false;
      }
      const health = {
        upMs: clock.nowMs() - sinceMs,
        buses: up(),
        rssBytes: await deps.rssBytes(),
        cloud: linked,
        told: deps.told?.() ?? true,
      };
      const verdict = verdictOn(health, before, times);
      if (verdict !== null) {
        await say(verdict, sequence);
        said = true;
      }
      return true;
    }
    cancel = clock.schedule(LOOK_MS, () => {
      turn().then(
        (goesOn) => goesOn && !stopped.signal.aborted && follow(sequence, { before, times }, sinceMs, said),
        (error: unknown) => {
          log.error({ event: 'trial_failed', reason: messageOf(error) }, 'the trial cannot be assessed now');
          if (!stopped.signal.aborted) follow(sequence, { before, times }, sinceMs, said);
        },
      );
    });
  }

  async function begin(): Promise<void> {
    await look(started?.trial ?? false);
    if (!started?.trial) return;
    const { sequence } = started;
    const sinceMs = clock.nowMs();
    const times = trialTimes(await deps.trialSeconds());
    const before = await readBefore({ files, log }, stateDirectory, sequence);
    log.warn({ event: 'trial_started', sequence, before }, 'this release is on trial');
    follow(sequence, { before, times }, sinceMs, false);
  }

  return {
    start: () =>
      void begin().catch((error: unknown) => log.error({ event: 'trial_failed', reason: messageOf(error) }, 'the trial does not begin')),

    async stop() {
      stopped.abort();
      cancel();
      if (started === null) return;
      const before = { buses: up(), cloud: wasOnline };
      const keep = async () => {
        const { trial } = await state();
        // One that is on trial itself keeps the past of its predecessor. After its commit it is the one before, without a restart.
        if (trial !== null && trial.sequence !== started.sequence)
          await writeBefore(files, stateDirectory, { sequence: trial.sequence, ...before });
      };
      await within(clock, STOP_MS, keep(), () => {}).catch((error: unknown) =>
        log.error({ event: 'trial_before_unwritten', reason: messageOf(error) }, 'the state before the trial cannot be stored'),
      );
    },

    linkUp() {
      linked = true;
      wasOnline = true;
    },

    linkDown() {
      linked = false;
    },

    report: () => report,
  };
}
