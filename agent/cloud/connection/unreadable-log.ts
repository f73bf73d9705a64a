import type { MonotonicClock } from '../../system/clock.ts';
import type { Log } from '../../system/log.ts';

/** Messages arrive as fast as the broker sends them, and each line goes to the flash. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Logs messages that cannot be read: at most one line a minute, across all links.
 * @returns the listener; `what` is the kind of message. `count` in the line is the number of such messages since the start.
 */
export function createUnreadableLog({ log, clock }: { log: Log; clock: Pick<MonotonicClock, 'nowMs'> }): (what: string) => void {
  let count = 0;
  let loggedMs = Number.NEGATIVE_INFINITY;
  return (what) => {
    count += 1;
    if (clock.nowMs() - loggedMs < LOG_INTERVAL_MS) return;
    loggedMs = clock.nowMs();
    log.warn({ event: 'message_unreadable', what, count }, 'a message could not be read');
  };
}
