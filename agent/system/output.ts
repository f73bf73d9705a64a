import type { Cancel, MonotonicClock } from './clock.ts';

/** Text on its way out of the process. Nothing here ever waits or throws. */
export interface Output {
  /** Takes whole lines. They are written at once, kept for later, or dropped and counted. */
  write(text: string): void;
  state(): OutputState;
}

/** How it stands with an output. */
export interface OutputState {
  /** Lines that were dropped since the start. */
  droppedLines: number;
  /** Why nothing goes out now, as errno(3) calls it: `EAGAIN` is a reader that does not read. Null: it works. */
  failing: string | null;
}

/** Some hundred lines: a reader that starts again misses nothing, and a dead one costs no memory. */
const MAX_KEPT_BYTES = 64 * 1024;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

/**
 * Lines through a write that does not wait: one that fails or would wait leaves them in a bounded memory, and it is tried again.
 * @param writeNow as write(2) with O_NONBLOCK: answers how many bytes it took, or throws
 * @param onRecovered it works again after so many lines were dropped
 */
export function createOutput(deps: {
  writeNow(bytes: Uint8Array): number;
  clock: Pick<MonotonicClock, 'schedule'>;
  onRecovered(droppedLines: number): void;
}): Output {
  const { writeNow, clock, onRecovered } = deps;
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let droppedLines = 0;
  let toldLines = 0;
  let failing: string | null = null;
  let retryMs = MIN_RETRY_MS;
  let cancel: Cancel | null = null;

  function flush(): void {
    try {
      while (kept.length > 0) {
        const first = kept[0]!;
        const taken = writeNow(first);
        // A device that takes nothing and does not say why is tried again like any other.
        if (taken === 0 && first.length > 0) throw Object.assign(new Error('nothing was taken'), { code: 'EAGAIN' });
        keptBytes -= taken;
        if (taken < first.length) kept[0] = first.subarray(taken);
        else kept.shift();
      }
    } catch (error) {
      failing = (error as NodeJS.ErrnoException).code ?? 'unknown';
      cancel = clock.schedule(retryMs, retry);
      retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      return;
    }
    failing = null;
    retryMs = MIN_RETRY_MS;
    if (droppedLines === toldLines) return;
    const news = droppedLines - toldLines;
    toldLines = droppedLines;
    onRecovered(news);
  }

  function retry(): void {
    cancel = null;
    flush();
  }

  return {
    write(text) {
      const bytes = Buffer.from(text);
      if (failing !== null && keptBytes + bytes.length > MAX_KEPT_BYTES) {
        droppedLines += 1;
        return;
      }
      kept.push(bytes);
      keptBytes += bytes.length;
      if (cancel === null) flush();
    },
    state: () => ({ droppedLines, failing }),
  };
}
