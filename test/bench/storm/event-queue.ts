/** Simulated time: what is scheduled runs in order, as fast as the machine can. */
export interface EventQueue {
  nowMs(): number;
  schedule(delayMs: number, run: () => void): void;
  /** Runs until nothing is left or `done` says so. */
  runUntil(done: () => boolean): void;
}

interface Entry {
  atMs: number;
  order: number;
  run: () => void;
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

  return {
    nowMs: () => nowMs,
    schedule: (delayMs, run) => push({ atMs: nowMs + Math.max(0, delayMs), order: order++, run }),
    runUntil(done) {
      while (!done()) {
        const next = pop();
        if (!next) return;
        nowMs = next.atMs;
        next.run();
      }
    },
  };
}
