import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MonotonicClock } from '../../../agent/system/clock.ts';

/** A clock that stands until it is moved. */
export interface ManualClock extends MonotonicClock {
  /** Moves on to each timer that is due within `ms`, letting everything settle in between. */
  advance(ms: number): Promise<void>;
  /** Moves on, timer by timer, until the promise settles; throws when it does not within `maxMs`. */
  until<T>(promise: Promise<T>, maxMs: number): Promise<T>;
  /** Timers that wait now. */
  pending(): number;
}

export function createManualClock(): ManualClock {
  let now = 0;
  let sequence = 0;
  const timers = new Map<number, { at: number; run: () => void }>();

  function next(): [number, { at: number; run: () => void }] | null {
    let best: [number, { at: number; run: () => void }] | null = null;
    for (const entry of timers) if (!best || entry[1].at < best[1].at) best = entry;
    return best;
  }

  async function fireNext(limit: number): Promise<boolean> {
    await nextTurn();
    const due = next();
    if (!due || due[1].at > limit) return false;
    timers.delete(due[0]);
    now = Math.max(now, due[1].at);
    due[1].run();
    return true;
  }

  return {
    nowMs: () => now,
    pending: () => timers.size,
    schedule(delayMs, run) {
      const id = sequence++;
      timers.set(id, { at: now + Math.max(0, delayMs), run });
      return () => timers.delete(id);
    },
    async advance(ms) {
      const end = now + ms;
      while (await fireNext(end));
      now = end;
      await nextTurn();
    },
    async until(promise, maxMs) {
      const end = now + maxMs;
      let settled = false;
      promise.then(
        () => {
          settled = true;
        },
        () => {
          settled = true;
        },
      );
      await nextTurn();
      while (!settled) {
        if (!(await fireNext(end)) && !settled) {
          await nextTurn();
          if (settled) break;
          throw new Error(`not settled after ${maxMs} ms (${timers.size} timers left)`);
        }
        await nextTurn();
      }
      return promise;
    },
  };
}
