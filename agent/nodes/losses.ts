import type { MonotonicClock } from '../system/clock.ts';

/** So far back losses are counted. */
const WINDOW_MS = 3_600_000;
/** More than so many of one node say nothing more. */
const MAX_COUNTED = 16;

/** Counts how often nodes fell silent, in the last hour. */
export interface Losses {
  /** A node fell silent. Answers how often it did. */
  note(nodeId: string): number;
  /** At most 16. */
  of(nodeId: string): number;
  forget(nodeId: string): void;
}

/** Holds as many entries as there are nodes that fell silent. */
export function createLosses(clock: MonotonicClock): Losses {
  const times = new Map<string, number[]>();
  const recent = (nodeId: string) => (times.get(nodeId) ?? []).filter((atMs) => clock.nowMs() - atMs < WINDOW_MS);
  return {
    note(nodeId) {
      const counted = [...recent(nodeId), clock.nowMs()].slice(-MAX_COUNTED);
      times.set(nodeId, counted);
      return counted.length;
    },
    of: (nodeId) => (times.has(nodeId) ? recent(nodeId).length : 0),
    forget: (nodeId) => void times.delete(nodeId),
  };
}
