import type { DownReason, GuardedOperation } from '../../contract/cloud.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import { HubError, isHubError } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';

/** A service behind the broker answers these, and its no can have other reasons than the policy. */
const ANSWERED_BY_SERVICE: ReadonlySet<GuardedOperation> = new Set<GuardedOperation>(['shadow_read', 'shadow_update']);

/** Without this a hub serves in full. The others are given up late: on a bad network links fall in the middle of them again and again, and
 * the backoff bounds that. */
const OPTIONAL: ReadonlySet<GuardedOperation> = new Set<GuardedOperation>(['executions', 'jobs', 'jobs_publish']);
/** So much suspicion in a row, without a success in between, is no chance: two explicit refusals, or links that ended without a reason code,
 * two in something optional or six in the rest. */
const LIMIT = 6;
const REFUSED_IN_WORDS = 3;
const BROKE = { optional: 3, vital: 1 };
/** The first time out; doubled each time it turns out to be refused still. A policy can be corrected in the cloud without a message to the hub. */
export const FIRST_QUARANTINE_MS = 600_000;
export const MAX_QUARANTINE_MS = 86_400_000;

interface Suspicion {
  weight: number;
  untilMs: number;
  /** The next time out. */
  nextMs: number;
}

/** Remembers across sessions which operation ends the connection, and leaves it out for a while. */
export interface Quarantine {
  /** Runs the operation, or fails with `cloud_refused` while it is in quarantine. */
  guard<T>(operation: GuardedOperation, run: () => Promise<T>): Promise<T>;
  /** The link ended: every operation in flight is a suspect. */
  linkFell(reason: DownReason): void;
  /** Whether anything is suspected: then operations have to run one after the other, so that the next suspect is the right one. */
  isSuspicious(): boolean;
  /** Milliseconds until the operation may be tried again; 0 when it may now. */
  remainingMs(operation: GuardedOperation): number;
  /** What is left out now, for support. */
  list(): GuardedOperation[];
}

export function createQuarantine(deps: { clock: MonotonicClock; log: Log }): Quarantine {
  const { clock, log } = deps;
  const underWay = new Map<GuardedOperation, number>();
  /** Failed for want of a link that has not been said to have fallen yet: the library rejects first and reports the reason afterwards. */
  const suspects = new Set<GuardedOperation>();
  let falls = 0;
  const records = new Map<GuardedOperation, Suspicion>();

  const remainingMs = (operation: GuardedOperation) => Math.max(0, (records.get(operation)?.untilMs ?? 0) - clock.nowMs());

  function strike(operation: GuardedOperation, weight: number): void {
    const record = records.get(operation) ?? { weight: 0, untilMs: 0, nextMs: FIRST_QUARANTINE_MS };
    records.set(operation, record);
    record.weight += weight;
    if (record.weight < LIMIT || remainingMs(operation) > 0) return;
    record.untilMs = clock.nowMs() + record.nextMs;
    log.error(
      { event: 'cloud_operation_quarantined', operation, minutes: record.nextMs / 60_000 },
      "refused by the cloud: check the Thing's policy",
    );
    record.nextMs = Math.min(MAX_QUARANTINE_MS, record.nextMs * 2);
    // On probation afterwards: one more refusal is enough.
    record.weight = LIMIT - 1;
  }

  return {
    async guard(operation, run) {
      if (remainingMs(operation) > 0) {
        throw new HubError('cloud_refused', `${operation} is left out: the cloud refuses it to this Thing`);
      }
      underWay.set(operation, (underWay.get(operation) ?? 0) + 1);
      const before = falls;
      try {
        const result = await run();
        records.delete(operation);
        return result;
      } catch (error) {
        if (isHubError(error, 'cloud_disconnected') && falls === before) suspects.add(operation);
        // MQTT 5 can also say no in the acknowledgement: that is certain at once. A refused shadow request has other reasons, too.
        if (isHubError(error, 'cloud_refused') && !ANSWERED_BY_SERVICE.has(operation)) strike(operation, LIMIT);
        throw error;
      } finally {
        const left = (underWay.get(operation) ?? 1) - 1;
        if (left > 0) underWay.set(operation, left);
        else underWay.delete(operation);
      }
    },

    linkFell(reason) {
      falls += 1;
      const accused = new Set([...underWay.keys(), ...suspects]);
      suspects.clear();
      for (const operation of accused) {
        if (reason === 'unauthorized') strike(operation, REFUSED_IN_WORDS);
        else if (reason === 'closed') strike(operation, OPTIONAL.has(operation) ? BROKE.optional : BROKE.vital);
      }
    },

    isSuspicious: () => records.size > 0,
    remainingMs,
    list: () => [...records.keys()].filter((operation) => remainingMs(operation) > 0),
  };
}
