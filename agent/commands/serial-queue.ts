import type { MonotonicClock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';

/** Work that is done one after the other. */
export interface SerialQueue {
  add(work: () => Promise<void>): void;
  /** Resolves when all that was added by now is done. */
  done(): Promise<void>;
  /** False when one piece of work has been in hand for longer than any disk takes. */
  isProgressing(): boolean;
}

/** A worn flash card may take many seconds for one fsync; a piece of work has few of them. */
const STUCK_MS = 120_000;

/** A queue of work; what fails is logged as a bug, and the next is taken up. */
export function createSerialQueue(deps: { clock: MonotonicClock; log: Log }): SerialQueue {
  const { clock, log } = deps;
  let tail: Promise<void> = Promise.resolve();
  let sinceMs: number | null = null;
  return {
    add(work) {
      tail = tail.then(async () => {
        sinceMs = clock.nowMs();
        try {
          await work();
        } catch (error) {
          log.error({ event: 'commands_bug', err: error }, 'a command event could not be handled');
        } finally {
          sinceMs = null;
        }
      });
    },
    done: () => tail,
    isProgressing: () => sinceMs === null || clock.nowMs() - sinceMs < STUCK_MS,
  };
}
