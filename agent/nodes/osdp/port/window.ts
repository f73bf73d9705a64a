import type { OsdpTimings } from '../bus/timings.ts';

/** How many of the last answers the window looks at: enough for a median, few enough to follow a change within one scan. */
const REMEMBERED_ANSWERS = 15;
/** What is added to the median: PDs slower than it, event loop and adapter jitter. */
const MARGIN_MS = 12;

/** The first-byte window of a scan, learnt from the answers seen. Pure: each call returns the next state. */
export interface AnswerWindow {
  readonly windowMs: number;
  readonly latencies: readonly number[];
}

export function initialWindow(timings: OsdpTimings): AnswerWindow {
  return { windowMs: timings.initialWindowMs, latencies: [] };
}

/** Takes the time from the end of a request on the wire to the answer's first byte; 0 or more. */
export function observeLatency(window: AnswerWindow, latencyMs: number, timings: OsdpTimings): AnswerWindow {
  const latencies = [...window.latencies, Math.max(0, latencyMs)].slice(-REMEMBERED_ANSWERS);
  const sorted = latencies.toSorted((a, b) => a - b);
  // The median, not the maximum: one slow PD is recovered by its late frame, it must not cost every silent address its slowness.
  const median = sorted[Math.ceil(sorted.length / 2) - 1]!;
  return { windowMs: Math.min(Math.max(median + MARGIN_MS, timings.minWindowMs), timings.maxWindowMs), latencies };
}
