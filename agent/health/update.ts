import type { ReleaseReport } from '../contract/release.ts';
import { type Entries, finder, type HealthFinding, lookUp } from './finding.ts';

/** Why a release was refused or left, as the updater says it (`agent/release/state.ts`), in a clause. */
const REASONS: Readonly<Record<string, string>> = {
  manifest_invalid: 'its manifest is wrong',
  bad_signature: 'no key that this hub trusts has signed it',
  wrong_arch: 'it is for another processor',
  wrong_model: 'it is for other hub models',
  system_too_old: 'it needs a newer Debian package',
  older_sequence: 'its sequence is not above that of what was here',
  from_too_old: 'it may not follow the release in use',
  rolled_back_before: 'it was rolled back before',
  update_running: 'another release is on trial',
  part_missing: 'a part is missing',
  part_damaged: 'a part is damaged',
  disk_full: 'the disk has no room for it',
  storage_failed: 'the disk failed',
  no_cloud: 'it did not reach the cloud',
  job_unanswered: 'it reached the cloud, but the Jobs service did not answer its report',
  bus_lost: 'a bus that was up did not come up',
  memory: 'it took too much memory',
  not_settled: 'it did not last a minute',
  starts_used_up: 'it ended again and again',
  boots_used_up: 'the hub was started too often in its trial',
  count_damaged: 'the count of its starts was damaged',
  files_missing: 'its files were damaged',
  deadline: 'it did not prove itself in 10 minutes',
  asked: 'root asked for it',
  superseded: 'a newer Debian package was installed',
};

/** A reason as a clause; one that only a newer updater knows, as it is. */
export const reasonText = (reason: string): string => lookUp(REASONS, reason, reason);

interface Failed {
  sequence: number;
  reason: string;
}

/** What can be wrong with the releases of a hub. */
export interface UpdateParams {
  release_on_trial: { sequence: number };
  release_rolled_back: Failed;
  release_refused: Failed;
  /** Refused because no trusted key has signed it. */
  release_unsigned: Failed;
  /** Refused for want of room. */
  release_no_space: Failed;
}

const HISTORY = 'hubctl update history';
const refused = ({ sequence, reason }: Failed) => `release ${sequence} was refused: ${reasonText(reason)}`;

export const UPDATE: Entries<UpdateParams> = {
  release_on_trial: {
    severity: 'warn',
    text: ({ sequence }) => `release ${sequence} is on trial; it is committed or rolled back within minutes`,
    remedy: () => 'hubctl update status',
    next: 'hubctl update status',
  },
  release_rolled_back: {
    severity: 'warn',
    text: ({ sequence, reason }) => `release ${sequence} was rolled back: ${reasonText(reason)}`,
    remedy: () => 'hubctl update history; sudo hubctl logs',
    next: HISTORY,
  },
  release_refused: { severity: 'warn', text: refused, remedy: () => HISTORY, next: HISTORY },
  release_unsigned: {
    severity: 'warn',
    text: refused,
    remedy: () => 'ls /usr/share/hub-agent/release-keys /etc/hub-agent/release-keys; hubctl update history',
    next: HISTORY,
  },
  release_no_space: { severity: 'warn', text: refused, remedy: () => 'df -h /var; hubctl update history', next: HISTORY },
};

export type UpdateCode = keyof UpdateParams;
const found = finder(UPDATE);

/** Reasons of a refusal with a remedy of their own. */
const REFUSALS: Readonly<Record<string, 'release_unsigned' | 'release_no_space'>> = {
  bad_signature: 'release_unsigned',
  disk_full: 'release_no_space',
};

/** That a release is on trial, and that the last one was not committed. An agent without a launcher, and an older one, tell nothing. */
export function updateFindings({ release }: { release?: ReleaseReport }): HealthFinding<UpdateCode>[] {
  if (!release) return [];
  const { sequence, trial, failed } = release;
  if (trial && sequence !== null) return [found('release_on_trial', { sequence })];
  if (!failed) return [];
  if (failed.what === 'rolled_back') return [found('release_rolled_back', failed)];
  return [found(lookUp(REFUSALS, failed.reason, 'release_refused'), failed)];
}
