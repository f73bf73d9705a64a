import type { MonotonicClock } from '../system/clock.ts';
import { HubError, isHubError } from '../system/errors.ts';
import type { Log } from '../system/log.ts';

/** Operations that a Thing's policy can refuse. AWS IoT answers a refusal by ending the connection: done again after each reconnect, it
 * would be an endless loop. */
export type GuardedOperation = 'presence_subscribe' | 'presence_publish' | 'deltas' | 'executions' | 'result_publish' | 'shadow';

/** So many links in a row that ended in the middle of one operation make it the suspect: a single one may be chance. */
export const STRIKES = 2;
/** What a hub cannot do without is given up late: on a bad network links fall in the middle of it again and again, and the backoff bounds that. */
export const STRIKES_OF_VITAL = 6;
/** A policy can be mended in the cloud without a word to us: then it is tried again. */
export const QUARANTINE_MS = 3_600_000;

const OPTIONAL: ReadonlySet<GuardedOperation> = new Set<GuardedOperation>(['executions', 'result_publish']);

/** Remembers across sessions which operation ends the connection, and leaves it out for a while. */
export interface Quarantine {
  /** Runs the operation, or fails with `cloud_refused` while it is in quarantine. */
  guard<T>(operation: GuardedOperation, run: () => Promise<T>): Promise<T>;
  /** The link ended by the other side: whatever was under way is a suspect. */
  linkFell(): void;
  /** What is left out now, for support. */
  list(): GuardedOperation[];
}

export function createQuarantine(deps: { clock: MonotonicClock; log: Log }): Quarantine {
  const { clock, log } = deps;
  const underWay = new Map<GuardedOperation, number>();
  const strikes = new Map<GuardedOperation, number>();
  const until = new Map<GuardedOperation, number>();

  const limitOf = (operation: GuardedOperation) => (OPTIONAL.has(operation) ? STRIKES : STRIKES_OF_VITAL);
  const isOut = (operation: GuardedOperation) => (until.get(operation) ?? Number.NEGATIVE_INFINITY) > clock.nowMs();

  function strike(operation: GuardedOperation, count: number): void {
    const total = (strikes.get(operation) ?? 0) + count;
    strikes.set(operation, total);
    if (total < limitOf(operation) || isOut(operation)) return;
    until.set(operation, clock.nowMs() + QUARANTINE_MS);
    strikes.delete(operation);
    log.error(
      { event: 'cloud_operation_quarantined', operation, minutes: QUARANTINE_MS / 60_000 },
      "refused by the cloud: check the Thing's policy",
    );
  }

  return {
    async guard(operation, run) {
      if (isOut(operation)) throw new HubError('cloud_refused', `${operation} is left out: the cloud refuses it to this Thing`);
      underWay.set(operation, (underWay.get(operation) ?? 0) + 1);
      try {
        const result = await run();
        strikes.delete(operation);
        return result;
      } catch (error) {
        // MQTT 5 can also say no in the acknowledgement: that is certain at once.
        if (isHubError(error, 'cloud_refused') && operation !== 'shadow') strike(operation, limitOf(operation));
        throw error;
      } finally {
        const left = (underWay.get(operation) ?? 1) - 1;
        if (left > 0) underWay.set(operation, left);
        else underWay.delete(operation);
      }
    },

    linkFell() {
      for (const operation of underWay.keys()) strike(operation, 1);
    },

    list: () => [...until.keys()].filter(isOut),
  };
}
