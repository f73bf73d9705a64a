import type { MonotonicClock } from '../../../system/clock.ts';
import type { Line } from '../port/line.ts';

/** A question may be answered for so long: far longer than the slowest PD takes that is of any use. */
const ANSWERABLE_MS = 5_000;
/** Questions of one address that may be open at a time. */
const MAX_OPEN = 32;
/** So many answers too many within so long are no accident. On a line with many PDs only every tenth or so of them is heard undisturbed. */
const SURPLUS = 5;
const WINDOW_MS = 120_000;

export interface ClashWatchDeps {
  clock: MonotonicClock;
  /** More answers come from this address than questions go there; `false`: no longer. */
  onSurplus(address: number, found: boolean): void;
}

/**
 * Counts questions and answers of each address. A PD speaks only when it is asked, and once: however slow it is, it gives no more answers than it
 * was asked questions. Two PDs with one address do, when their answers do not overlap.
 */
export interface ClashWatch {
  /** The same line, watched. */
  watch(line: Line): Line;
  /** A good reply that nobody waited for. */
  stray(address: number): void;
}

interface Count {
  /** When the questions were asked that may still be answered. */
  openMs: number[];
  /** When answers came that were too many, at most `SURPLUS`. */
  surplusMs: number[];
  isFound: boolean;
}

/** Holds an entry for each address that was asked, or that somebody answers under. */
export function createClashWatch({ clock, onSurplus }: ClashWatchDeps): ClashWatch {
  const counts = new Map<number, Count>();
  const of = (address: number): Count => {
    const count = counts.get(address) ?? { openMs: [], surplusMs: [], isFound: false };
    counts.set(address, count);
    return count;
  };

  const judge = (address: number, count: Count, isFound: boolean) => {
    if (count.isFound === isFound) return;
    count.isFound = isFound;
    onSurplus(address, isFound);
  };

  const asked = (address: number) => {
    const count = of(address);
    const nowMs = clock.nowMs();
    count.openMs = [...count.openMs.filter((atMs) => nowMs - atMs < ANSWERABLE_MS), nowMs].slice(-MAX_OPEN);
    if (count.surplusMs.length === 0 || nowMs - count.surplusMs.at(-1)! < WINDOW_MS) return;
    count.surplusMs = [];
    judge(address, count, false);
  };

  const heard = (address: number) => {
    const count = of(address);
    if (count.openMs.shift() !== undefined) return;
    const nowMs = clock.nowMs();
    count.surplusMs = [...count.surplusMs, nowMs].slice(-SURPLUS);
    if (count.surplusMs.length === SURPLUS && nowMs - count.surplusMs[0]! < WINDOW_MS) judge(address, count, true);
  };

  return {
    watch(line) {
      return {
        ...line,
        async transact(request) {
          if (request.bytes.length > 0) asked(request.address);
          const outcome = await line.transact(request);
          if (outcome.kind === 'reply') heard(request.address);
          return outcome;
        },
      };
    },
    stray: heard,
  };
}
