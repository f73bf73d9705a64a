import type { JoinEvent } from '../../../contract/zigbee.ts';
import type { Cancel, MonotonicClock } from '../../../system/clock.ts';

/** Who listens to joins, and how long joining is open. */
export interface Joining {
  onJoin(listener: (event: JoinEvent) => void): () => void;
  tell(event: JoinEvent): void;
  opened(seconds: number): void;
  closed(): void;
  /** Seconds until it closes; 0: it is closed. */
  secondsLeft(): number;
}

/** As many terminals as may change something at once, and some. */
const MAX_LISTENERS = 16;

export function createJoining(bus: string, clock: MonotonicClock): Joining {
  const listeners = new Set<(event: JoinEvent) => void>();
  let untilMs: number | null = null;
  let cancel: Cancel = () => {};

  const tell = (event: JoinEvent) => {
    for (const listener of listeners) listener(event);
  };
  const closed = () => {
    cancel();
    if (untilMs === null) return;
    untilMs = null;
    tell({ event: 'closed', bus });
  };

  return {
    onJoin(listener) {
      if (listeners.size >= MAX_LISTENERS) return () => {};
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell,
    opened(seconds) {
      cancel();
      untilMs = clock.nowMs() + seconds * 1000;
      tell({ event: 'open', bus, seconds });
      // The library's timer is gone when its process is.
      cancel = clock.schedule(seconds * 1000, closed);
    },
    closed,
    secondsLeft: () => (untilMs === null ? 0 : Math.max(0, Math.ceil((untilMs - clock.nowMs()) / 1000))),
  };
}
