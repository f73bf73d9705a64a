import type { MonotonicClock } from '../../../agent/system/clock.ts';
import { settled } from '../../support/stepped-clock.ts';

/** Simulated time: what is scheduled runs in order, as fast as the machine can. */
export interface EventQueue extends MonotonicClock {
  /** Runs until nothing is left or `done` says so. */
  runUntil(done: () => boolean): void;
  /** The same for code with promises: those that can settle do so after each millisecond in which something was due. */
  runSettling(done: () => boolean): Promise<void>;
}

interface Entry {
  atMs: number;
  order: number;
  /** Null: canceled. */
  run: (() => void) | null;
}

const before = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A binary heap: ten thousand machines make millions of events. */
export function createEventQueue(): EventQueue {
  const heap: Entry[] = [];
  let nowMs = 0;
  let order = 0;

  function push(entry: Entry): void {
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  function pop(): Entry | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }

  /** False when nothing is left. */
  function runNext(): boolean {
    const next = pop();
    if (!next) return false;
    if (next.run) {
      nowMs = next.atMs;
      next.run();
    }
    return true;
  }

  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const entry: Entry = { atMs: nowMs + Math.max(0, delayMs), order: order++, run };
      push(entry);
      return () => {
        entry.run = null;
      };
    },
    runUntil(done) {
      while (!done()) if (!runNext()) return;
    },
    async runSettling(done) {
      await settled();
      while (!done()) {
        const untilMs = Math.floor(heap[0]?.atMs ?? Number.POSITIVE_INFINITY) + 1;
        while (heap[0] && heap[0].atMs < untilMs) runNext();
        await settled();
        if (heap.length === 0) return;
      }
    },
  };
}
