import { type MonotonicClock, sleep } from '../../system/clock.ts';

/** A connection of AWS IoT takes so many publishes a second, and so many bytes ("AWS IoT Core endpoints and quotas", message broker). */
export const MAX_PUBLISHES_PER_SECOND = 100;
export const MAX_BYTES_PER_SECOND = 512 * 1024;
/** A message that is larger ends the connection (the same page). Bytes of the payload. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

/** Half at once and half in the second after it: no second has more than the limit, wherever it begins. */
const BURST_MS = 1_000;
const PUBLISH_MS = 1_000 / (MAX_PUBLISHES_PER_SECOND / 2);
const BYTE_MS = 1_000 / (MAX_BYTES_PER_SECOND / 2);

/** Keeps the publishes of one connection below AWS's limits. The library's own flow control delays the first ones by 35 to 60 ms (measured). */
export interface PublishPace {
  /** Resolves when a publish of so many bytes may be sent: at once unless many came before it, and in the order of the calls. */
  turn(bytes: number): Promise<void>;
}

/** A generic cell rate (ITU-T I.371, annex A) for the publishes and one for their bytes. */
export function createPublishPace({ clock }: { clock: MonotonicClock }): PublishPace {
  /** When, at the slow rate, all that was sent so far would have been sent. */
  let publishesUntilMs = 0;
  let bytesUntilMs = 0;
  return {
    async turn(bytes) {
      const nowMs = clock.nowMs();
      publishesUntilMs = Math.max(publishesUntilMs, nowMs) + PUBLISH_MS;
      bytesUntilMs = Math.max(bytesUntilMs, nowMs) + bytes * BYTE_MS;
      const delayMs = Math.max(publishesUntilMs, bytesUntilMs) - nowMs - BURST_MS;
      if (delayMs > 0) await sleep(clock, delayMs);
    },
  };
}
