import type { Cancel, MonotonicClock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';

/** A log whose level can be changed while the agent runs, its children's too. */
export interface AdjustableLog {
  log: Log;
  level(): string;
  /** Sets the level, and after `minutes` the one from the start again: a forgotten `debug` must not wear out the flash for years. */
  set(level: string, minutes: number): void;
  /** Ends the timer. */
  stop(): void;
}

/** Each part of the agent has one child; more than this are not followed. */
const MAX_CHILDREN = 256;

export function createAdjustableLog(root: Log & { level: string }, clock: MonotonicClock): AdjustableLog {
  const usual = root.level;
  const all: { level: string }[] = [root];
  let cancel: Cancel = () => {};

  /** pino's own: a child inherits its parent's methods, so the replaced one must not be asked again. */
  const make = root.child;

  /** pino's children copy the level when they are made, so each is set. */
  function follow<T extends Log>(log: T): T {
    log.child = (bindings) => {
      const child = follow(make.call(log, bindings));
      if (all.length < MAX_CHILDREN) all.push(child as Log & { level: string });
      return child;
    };
    return log;
  }

  function apply(level: string): void {
    for (const each of all) each.level = level;
  }

  return {
    log: follow(root),
    level: () => root.level,
    set(level, minutes) {
      cancel();
      apply(level);
      cancel = clock.schedule(minutes * 60_000, () => apply(usual));
    },
    stop: () => cancel(),
  };
}
