import type { Cancel, MonotonicClock } from '../../system/clock.ts';

/** Nothing was published for so long: what is sent now holds up nothing. */
export const QUIET_MS = 150;
/** No acknowledgement is later. */
export const LATEST_MS = 2_000;
/** AWS IoT stops sending at 100 messages that wait for their acknowledgement ("AWS IoT Core endpoints and quotas"). */
export const MOST = 50;

/**
 * Acknowledges messages while nothing is published. The SDK leaves Nagle's algorithm on (RFC 9293, 3.7.4): a publish behind an acknowledgement waits
 * until the server's TCP has confirmed that, 40 ms on loopback and a round trip more on a network (measured).
 */
export interface LateAcknowledgements {
  /** A message has come; `acknowledge` sends its PUBACK. They are sent in the order of the messages (MQTT 5, 4.6). */
  add(acknowledge: () => void): void;
  /** Something is being published. */
  published(): void;
  /** Sends what waits. */
  flush(): void;
  /** The link is gone: nothing is sent any more. */
  end(): void;
}

export function createLateAcknowledgements({ clock }: { clock: MonotonicClock }): LateAcknowledgements {
  let waiting: (() => void)[] = [];
  let oldestMs = 0;
  let cancel: Cancel = () => {};

  function flush(): void {
    cancel();
    const due = waiting;
    waiting = [];
    for (const acknowledge of due) acknowledge();
  }

  function arm(): void {
    cancel();
    if (waiting.length === 0) return;
    const latestMs = Math.max(0, oldestMs + LATEST_MS - clock.nowMs());
    cancel = clock.schedule(Math.min(QUIET_MS, latestMs), flush);
  }

  return {
    add(acknowledge) {
      if (waiting.length === 0) oldestMs = clock.nowMs();
      waiting.push(acknowledge);
      if (waiting.length >= MOST) flush();
      else arm();
    },
    published: arm,
    flush,
    end() {
      cancel();
      waiting = [];
    },
  };
}
