import { HubError } from '../../system/errors.ts';
import {
  COMPARE_RETRY_MS,
  type Job,
  MAX_FIRST_RETRY_MS,
  MAX_RETRY_MS,
  MAX_THROTTLED_RETRY_MS,
  MIN_COMPARE_INTERVAL_MS,
  MIN_REPORT_INTERVAL_MS,
  REASSURE_MS,
  RETRY_MS,
  type ReportConfig,
  type ReportEffect,
  type ReportState,
} from './report-state.ts';
import type { Moment } from './reported-picture.ts';

/** One step under way: `state` is its own copy, `effects` grows. */
export interface Turn {
  config: ReportConfig;
  state: ReportState;
  effects: ReportEffect[];
  now: Moment;
}

/** That we are here needs no picture of the shadow. What fails here, the first report says again; until then it is repeated. */
export function greet({ state, effects, now }: Turn): void {
  state.reassureDueMs = now.nowMs + REASSURE_MS;
  const op = state.nextOp++;
  state.greeting = op;
  state.lastSentMs = now.nowMs;
  state.spoken = true;
  effects.push({ type: 'send', op, update: { reported: { online: true, session: state.session, lastSeen: now.wallMs } } });
}

export function askRead({ state, effects, now }: Turn): void {
  effects.push({ type: 'read' });
  state.readDueMs = now.nowMs + (state.held ? COMPARE_RETRY_MS : retryMs(state, now));
  state.unconfirmedSinceMs ??= now.nowMs;
}

/** The shadow has changed by another hand: what is held is read anew. */
export function compareSoon({ state, effects, now }: Turn, reason: string): void {
  if (state.leaving) return;
  const dueMs = Math.max(now.nowMs, state.lastViewMs + MIN_COMPARE_INTERVAL_MS);
  if (state.readDueMs !== null && state.readDueMs <= dueMs) return;
  state.readDueMs = dueMs;
  effects.push({ type: 'log', event: 'shadow_changed_by_others', reason });
}

export function soon({ state, now }: Turn): void {
  if (state.session === null || state.held === null || state.leaving) return;
  // While reports are refused, the pause before the next one stands.
  if (state.failures > 0 && state.reportDueMs !== null) return;
  state.reportDueMs = Math.max(now.nowMs, state.lastSentMs + MIN_REPORT_INTERVAL_MS);
}

export function confirm({ state, now }: Turn): void {
  state.unconfirmedSinceMs = null;
  state.confirmedAtMs = now.wallMs;
  state.lastFailure = null;
}

/** Commands report as well: the next heartbeat counts from the last report of any kind. */
export function nextHeartbeat(state: ReportState): void {
  if (!state.leaving) state.reportDueMs ??= state.lastReportMs + state.beatMs;
}

/** Between half and all of so many milliseconds. */
export const shortened = (ms: number, { random }: Moment) => Math.round(ms * (0.5 + random / 2));

export function retryMs({ greeted, failures, lastFailure }: ReportState, now: Moment): number {
  const first = lastFailure === 'shadow_throttled' ? MAX_THROTTLED_RETRY_MS : MAX_FIRST_RETRY_MS;
  return shortened(Math.min(greeted ? MAX_RETRY_MS : first, RETRY_MS * 2 ** Math.max(0, failures - 1)), now);
}

export const noLink = () => new HubError('cloud_disconnected', 'shadow update: no link');

export const settled = (job: Job, version: number | null, error: HubError | null): ReportEffect => ({
  type: 'settle',
  job: job.id,
  version,
  error,
});
