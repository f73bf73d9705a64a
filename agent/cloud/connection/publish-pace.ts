import { type MonotonicClock, sleep } from '../../system/clock.ts';

/** A connection of AWS IoT takes 100 publishes and 512 KB a second ("AWS IoT Core endpoints and quotas", message broker). A tenth is left free: the
 * network brings messages closer together. */
export const PUBLISHES_PER_SECOND = 90;
export const BYTES_PER_SECOND = 460 * 1024;
/** A message that is larger ends the connection (the same page). Bytes of the payload. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

const SECOND_MS = 1_000;

/** Keeps the publishes of one connection below AWS's limits. The library's own flow control delays the first ones by 35 to 60 ms (measured). */
export interface PublishPace {
  /** Resolves when a publish of so many bytes, `MAX_MESSAGE_BYTES` at most, may be sent: in the order of the calls, at once unless many came before. */
  turn(bytes: number): Promise<void>;
}

interface Turn {
  atMs: number;
  bytes: number;
}

export function createPublishPace({ clock }: { clock: MonotonicClock }): PublishPace {
  /** Of the second before the latest one, in their order; later ones wait. */
  let turns: Turn[] = [];

  /** When one more fits into the second that ends with it. */
  function nextMs(bytes: number): number {
    let atMs = Math.max(clock.nowMs(), turns.at(-1)?.atMs ?? 0);
    for (const [index, { atMs: oldestMs }] of turns.entries()) {
      if (oldestMs + SECOND_MS <= atMs) continue;
      const others = turns.slice(index);
      if (others.length < PUBLISHES_PER_SECOND && others.reduce((sum, turn) => sum + turn.bytes, bytes) <= BYTES_PER_SECOND) break;
      atMs = oldestMs + SECOND_MS;
    }
    return atMs;
  }

  return {
    async turn(bytes) {
      const atMs = nextMs(bytes);
      turns = turns.filter((turn) => turn.atMs + SECOND_MS > atMs);
      turns.push({ atMs, bytes });
      const delayMs = atMs - clock.nowMs();
      if (delayMs > 0) await sleep(clock, delayMs);
    },
  };
}
