import type { StoreFaults } from './types.ts';

/** The faults in force. The store asks, and uses up. */
export interface StoreFaultState {
  cut: { afterBytes: number; count: number };
  bytesPerSecond: number | null;
  flips: number;
  busy: number;
  silent: boolean;
  ignoresRange: boolean;
}

export function createStoreFaults(): { state: StoreFaultState; faults: StoreFaults } {
  const state: StoreFaultState = {
    cut: { afterBytes: 0, count: 0 },
    bytesPerSecond: null,
    flips: 0,
    busy: 0,
    silent: false,
    ignoresRange: false,
  };
  return {
    state,
    faults: {
      cutAfter(bytes, count) {
        state.cut = { afterBytes: bytes, count };
      },
      slow(bytesPerSecond) {
        state.bytesPerSecond = bytesPerSecond;
      },
      flipBit(count) {
        state.flips = count;
      },
      busy(count) {
        state.busy = count;
      },
      silent(on) {
        state.silent = on;
      },
      ignoreRange(on) {
        state.ignoresRange = on;
      },
    },
  };
}
