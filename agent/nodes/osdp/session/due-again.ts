import type { OsdpTimings } from '../bus/timings.ts';
import { hasReaders } from '../codec/capabilities.ts';
import type { PdState, Purpose } from './pd.ts';
import { hasStates } from './told.ts';

/** When something is asked again next that was told, or refused, in answer to the question of `askedMs`. */
function dueMs(askedMs: number | null, intervalMs: number): number {
  return askedMs === null ? Number.NEGATIVE_INFINITY : askedMs + intervalMs;
}

/** What is asked now and then, beside tamper and power, the most important first, each with the time at which it is due. */
function* questions(pd: PdState, timings: OsdpTimings): Generator<readonly [Purpose, number]> {
  const { factsIntervalMs, refusalMs, statusIntervalMs, statesIntervalMs } = timings;
  const { identity, capabilities } = pd.facts;
  yield ['identify', dueMs(pd.identifiedMs, identity === null ? refusalMs : factsIntervalMs)];
  yield ['capabilities', dueMs(pd.capabilitiesMs, capabilities === null ? refusalMs : factsIntervalMs)];
  // A tamper that a reader reported stands until it is told otherwise.
  if (pd.readerTamper) yield ['readers', dueMs(pd.readersMs, statusIntervalMs)];
  else if (capabilities !== null && hasReaders(capabilities)) yield ['readers', dueMs(pd.readersMs, factsIntervalMs)];
  if (hasStates(pd, 'inputs')) yield ['inputs', dueMs(pd.inputsMs, statesIntervalMs)];
  if (hasStates(pd, 'outputs')) yield ['outputs', dueMs(pd.outputsMs, statesIntervalMs)];
}

/** What is asked again at leisure; null: nothing is due. */
export function dueAgain(pd: PdState, nowMs: number, timings: OsdpTimings): Purpose | null {
  for (const [purpose, atMs] of questions(pd, timings)) if (nowMs >= atMs) return purpose;
  return null;
}

/** When the next question of that kind is due. */
export function nextDueMs(pd: PdState, timings: OsdpTimings): number {
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const [, atMs] of questions(pd, timings)) earliestMs = Math.min(earliestMs, atMs);
  return earliestMs;
}
