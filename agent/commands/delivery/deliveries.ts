import type { Topics } from '../../contract/topics.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import { messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import type { CommandsCloud } from '../cloud-port.ts';
import type { CloudSession } from '../cloud-session.ts';
import type { Entry } from '../lifecycle/entry.ts';
import { outcomeFields } from '../lifecycle/outcome.ts';
import type { RetryPause } from '../retry.ts';
import { answer, publishResult } from './delivery.ts';

/** On stop, answers that the link still takes are delivered for this long; the rest waits on disk for the next start. */
const DRAIN_MS = 3_000;

/** Brings answers to the cloud, each as often as it takes while the link stands. */
export interface Deliveries {
  /** Until it is taken, or the link has ended. */
  deliver(id: string, on: CloudSession): Promise<void>;
  /** The final answer to a request that there is no room to keep: sent once, and logged here. */
  refuse(entry: Entry): Promise<void>;
  /** Resolves when all that has an answer is delivered, the link is gone, or the time for it is over. `settle`: what a delivery leads to is done. */
  drained(on: CloudSession, settle: () => Promise<void>): Promise<void>;
}

export interface DeliveriesDeps {
  cloud: CommandsCloud;
  topics: Topics;
  pause: RetryPause;
  clock: MonotonicClock;
  log: Log;
  entryOf(id: string): Entry | undefined;
  onDelivered(id: string): void;
}

export function createDeliveries(deps: DeliveriesDeps): Deliveries {
  const { cloud, topics, pause, clock, log, entryOf, onDelivered } = deps;
  let afterDelivery = () => {};

  return {
    async deliver(id, on) {
      const { signal } = on.ended;
      if (on.delivering.has(id)) return;
      on.delivering.add(id);
      for (let attempt = 0; !signal.aborted; attempt += 1) {
        const entry = entryOf(id);
        if (entry?.stage !== 'finished' || entry.outcome === null) break;
        try {
          if (!on.paged.has(id)) await publishResult(cloud, topics, entry, entry.outcome);
          on.paged.add(id);
          await answer(cloud, topics, entry, entry.outcome);
          on.paged.delete(id);
          const isSuccess = entry.outcome.status === 'SUCCEEDED';
          const fields = { event: 'command_answered', id, command: entry.command, ...outcomeFields(entry.outcome) };
          log[isSuccess ? 'info' : 'warn'](fields, 'command answered');
          onDelivered(id);
          break;
        } catch (error) {
          log.warn({ event: 'command_answer_failed', id, reason: messageOf(error) }, 'the answer was not acknowledged and stays queued');
          await pause(attempt, signal);
        }
      }
      on.delivering.delete(id);
      afterDelivery();
    },

    async refuse(entry) {
      log.error(
        { event: 'command_dropped', id: entry.id, command: entry.command, ...(entry.outcome && outcomeFields(entry.outcome)) },
        'too many answers wait: a request is refused and not kept',
      );
      if (entry.outcome === null) return;
      try {
        await publishResult(cloud, topics, entry, entry.outcome);
        await answer(cloud, topics, entry, entry.outcome);
      } catch (error) {
        log.warn({ event: 'command_answer_failed', id: entry.id, reason: messageOf(error) }, 'the refusal was not acknowledged');
      }
    },

    async drained(on, settle) {
      const bound = new AbortController();
      const cancel = clock.schedule(DRAIN_MS, () => bound.abort());
      on.ended.signal.addEventListener('abort', () => bound.abort(), { once: true });
      if (on.ended.signal.aborted) bound.abort();
      while (!bound.signal.aborted && on.delivering.size > 0) {
        await new Promise<void>((resolve) => {
          afterDelivery = resolve;
          bound.signal.addEventListener('abort', () => resolve(), { once: true });
        });
        await settle();
      }
      cancel();
    },
  };
}
