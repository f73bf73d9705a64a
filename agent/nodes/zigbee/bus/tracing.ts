import type { BusTrace } from '../../../contract/trace.ts';
import type { WallClock } from '../../../system/clock.ts';
import type { Told, ZigbeeProcess } from '../process/process.ts';
import { LIMITS } from './options.ts';

/** Shows the traffic to its subscribers; the process reports it only while there is one. */
export interface Tracing {
  onTrace(listener: (trace: BusTrace) => void): () => void;
  onFrame(frame: Told & { kind: 'trace' }): void;
  /** A process has begun that does not know yet whether there is a subscriber. */
  linkUp(): void;
}

export function createTracing({
  bus,
  library,
  wallClock,
}: {
  bus: string;
  library(): ZigbeeProcess | null;
  wallClock: WallClock;
}): Tracing {
  const listeners = new Set<(trace: BusTrace) => void>();
  const tell = (on: boolean) =>
    void library()
      ?.request({ do: 'trace', on }, LIMITS.check)
      .catch(() => {});

  return {
    onTrace(listener) {
      listeners.add(listener);
      if (listeners.size === 1) tell(true);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) tell(false);
      };
    },
    onFrame({ sent, address, name, bytes, text }) {
      const kind = sent ? 'sent' : 'received';
      const trace: BusTrace = { at: wallClock.nowMs(), bus, kind, address, name, sequence: null, bytes, security: null, text };
      for (const listener of listeners) listener(trace);
    },
    linkUp() {
      if (listeners.size > 0) tell(true);
    },
  };
}
