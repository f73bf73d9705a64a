import type { Verdict } from '../release/state.ts';

/** What was up when the release before was stopped for this one. */
export interface Before {
  /** Ids of the buses that were up. */
  buses: readonly string[];
  /** Whether there had been a session with the cloud. */
  cloud: boolean;
}

/** How it stands with a release on trial. */
export interface TrialHealth {
  /** Milliseconds since its local services were up. */
  upMs: number;
  /** Ids of the buses that are up. */
  buses: readonly string[];
  /** Resident bytes; null: not known. */
  rssBytes: number | null;
  /** A session stands whose birth the cloud has acknowledged. */
  cloud: boolean;
  /** The cloud has taken the update of the job that brought the release, where a job did. */
  told: boolean;
}

/** How long a trial must last, and may last; milliseconds. */
export interface TrialTimes {
  settleMs: number;
  giveUpMs: number;
}

/** Of the unit's MemoryHigh, 192 MB: what comes near it is throttled by the kernel. A test holds it to the unit. */
export const MAX_TRIAL_RSS_BYTES = 176 * 1024 * 1024;
/** Of each second that the updater gives a trial: 60 and 540 s of 600. It says what it lacks before the updater ends it, so that the reason is its own. */
export const trialTimes = (seconds: number): TrialTimes => ({ settleMs: seconds * 100, giveUpMs: seconds * 900 });

/** What the trial says of itself; null: it goes on. All must hold at one time, and no network step follows. */
export function verdictOn(health: TrialHealth, before: Before, { settleMs, giveUpMs }: TrialTimes): Verdict | null {
  if (health.rssBytes !== null && health.rssBytes > MAX_TRIAL_RSS_BYTES) return 'memory';
  const cloud = !before.cloud || (health.cloud && health.told);
  const buses = before.buses.every((id) => health.buses.includes(id));
  if (cloud && buses && health.upMs >= settleMs) return 'healthy';
  if (health.upMs < giveUpMs) return null;
  if (!cloud) return health.cloud ? 'job_unanswered' : 'no_cloud';
  return buses ? 'not_settled' : 'bus_lost';
}
