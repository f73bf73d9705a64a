import { signal } from '@preact/signals';
import type { HarnessEvent } from '../model/events.ts';
import type { ViewState } from '../model/state.ts';
import type { Store } from './store.ts';

const TICK_MS = 100;
/** Time that passes in one tick at most while nothing happens: silence is shortened. */
const MAX_STEP_MS = 2_000;

/** Plays a recording: the state before it, and its events up to a place. */
export interface Player {
  readonly fromMs: number;
  readonly toMs: number;
  readonly atMs: { value: number };
  readonly playing: { value: boolean };
  seek(atMs: number): void;
  play(speed: number): void;
  pause(): void;
}

/** It begins at the end, where everything can be seen. */
export function createPlayer(store: Store, base: ViewState, events: readonly HarnessEvent[]): Player {
  const fromMs = events[0]?.at ?? base.now;
  const toMs = events.reduce((latest, { at }) => Math.max(latest, at), base.now);
  const atMs = signal(toMs);
  const playing = signal(false);
  let next = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  function advance(to: number): void {
    const from = next;
    while (next < events.length && events[next]!.at <= to) next += 1;
    store.take(events.slice(from, next));
    store.state.now = Math.max(store.state.now, to);
    atMs.value = to;
  }

  function seek(to: number): void {
    if (to < atMs.value || next === 0) {
      store.reset(structuredClone(base));
      next = 0;
    }
    advance(to);
  }

  function pause(): void {
    clearInterval(timer);
    playing.value = false;
  }

  return {
    fromMs,
    toMs,
    atMs,
    playing,
    seek,
    play(speed) {
      pause();
      if (atMs.value >= toMs) seek(fromMs);
      playing.value = true;
      timer = setInterval(() => {
        const step = Math.min(MAX_STEP_MS, TICK_MS * speed);
        seek(Math.min(toMs, atMs.value + step));
        if (atMs.value >= toMs) pause();
      }, TICK_MS);
    },
    pause,
  };
}
