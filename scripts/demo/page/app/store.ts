import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { applyEvent } from '../model/apply.ts';
import type { HarnessEvent } from '../model/events.ts';
import { emptyState, type ViewState } from '../model/state.ts';

/** What the page shows, and when it changed. The state is changed in place; who shows a part of it watches a key that changes with it. */
export interface Store {
  readonly state: ViewState;
  /** Puts another state in the place of this one. */
  reset(state: ViewState): void;
  take(events: readonly HarnessEvent[]): void;
  /** Changes whenever the key does; looked at after each batch of events. */
  watch<T>(key: (state: ViewState) => T): ReadonlySignal<T>;
  /** The harness's time now, epoch milliseconds: its last event, and the time since on this machine. Stands still when `halt` says so. */
  nowMs(): number;
  /** Time passes only with events: in a replay. */
  halt(): void;
}

export function createStore(): Store {
  let state = emptyState();
  let halted = false;
  /** The harness's clock less this page's, as far as the events have shown. */
  let aheadMs = Number.NEGATIVE_INFINITY;
  const version = signal(0);
  let scheduled = false;

  /** At most once a frame. */
  function changed(): void {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      version.value += 1;
    });
  }

  return {
    get state() {
      return state;
    },
    reset(next) {
      state = next;
      if (next.now > 0 && aheadMs === Number.NEGATIVE_INFINITY) aheadMs = next.now - Date.now();
      changed();
    },
    take(events) {
      for (const event of events) applyEvent(state, event);
      if (state.now > 0) aheadMs = Math.max(aheadMs, state.now - Date.now());
      changed();
    },
    watch: (key) =>
      computed(() => {
        void version.value;
        return key(state);
      }),
    nowMs: () => (halted ? state.now : Math.max(state.now, Date.now() + aheadMs)),
    halt() {
      halted = true;
    },
  };
}
