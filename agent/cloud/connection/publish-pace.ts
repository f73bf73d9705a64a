import { type MonotonicClock, sleep } from '../../system/clock.ts';

/**
 * A connection of AWS IoT takes and gives 100 publishes and 512 KB a second ("AWS IoT Core endpoints and quotas", message broker); what is over it is
 * discarded. A tenth is left for what comes in, and for a network that brings messages closer together.
 */
export const PUBLISHES_PER_SECOND = 90;
export const BYTES_PER_SECOND = 460 * 1024;
/** A message that is larger ends the connection (the same page). Bytes of the payload. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

const SECOND_MS = 1_000;

/** Keeps the publishes of one connection below AWS's limits. The library's own flow control delays the first ones by 35 to 60 ms (measured). */
export interface PublishPace {
  /** Resolves when a publish of so many bytes, `MAX_MESSAGE_BYTES` at most, may be sent: in the order of the calls, at once unless many came before. */
  turn(bytes: number): Promise<void>;
  /** The link is gone: nothing waits any more. */
  end(): void;
}

/** For a connection that has published nothing yet. */
export function createPublishPace({ clock }: { clock: MonotonicClock }): PublishPace {
  const over = new AbortController();
  /** In the last second, in their order. */
  let sent: { atMs: number; bytes: number }[] = [];
  let before: Promise<void> = Promise.resolve();

  /** Until one more fits into the second that ends with it; 0: it does now. */
  function delayMs(bytes: number): number {
    const nowMs = clock.nowMs();
    sent = sent.filter(({ atMs }) => atMs + SECOND_MS > nowMs);
    let count = sent.length;
    let sum = sent.reduce((all, each) => all + each.bytes, bytes);
    let untilMs = nowMs;
    for (const each of sent) {
      if (count < PUBLISHES_PER_SECOND && sum <= BYTES_PER_SECOND) break;
      count -= 1;
      sum -= each.bytes;
      untilMs = each.atMs + SECOND_MS;
    }
    return untilMs - nowMs;
  }

  /** The time is looked at again after each wait: a process that stood still sends what is overdue no faster. */
  async function wait(bytes: number): Promise<void> {
    for (let delay = delayMs(bytes); delay > 0 && !over.signal.aborted; delay = delayMs(bytes)) await sleep(clock, delay, over.signal);
    sent.push({ atMs: clock.nowMs(), bytes });
  }

  return {
    turn(bytes) {
      before = before.then(() => wait(bytes));
      return before;
    },
    end: () => over.abort(),
  };
}
