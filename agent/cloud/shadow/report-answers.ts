import type { HubError } from '../../system/errors.ts';
import { applyPatch } from './merge-patch.ts';
import type { Job } from './report-state.ts';
import { askRead, compareSoon, confirm, nextHeartbeat, retryMs, settled, type Turn } from './report-turn.ts';
import { MAX_SQUEEZE } from './reported-document.ts';

export function answered(turn: Turn, op: number, version: number): void {
  const { state, effects, now } = turn;
  if (op === state.greeting) {
    state.greeting = null;
    state.greeted = true;
    if (state.version !== null) {
      // The update in flight may have been taken before it.
      if (version > state.version + (state.inFlight ? 2 : 1)) compareSoon(turn, `version ${version} after ${state.version}`);
      state.version = Math.max(state.version, version);
    }
    effects.push({ type: 'accepted', version });
    return;
  }
  const { inFlight } = state;
  // A late answer of an older link does not concern what was read over this one.
  if (op !== inFlight?.op) return;
  state.inFlight = null;
  if (inFlight.patch) {
    state.greeted = true;
    state.lastReportMs = now.nowMs;
    // A picture that is newer than the update has it, and may show that others have undone it since.
    const isOlder = inFlight.viewed === null || inFlight.viewed < version;
    if (state.held && isOlder) state.held = applyPatch(state.held, inFlight.patch);
  }
  if (inFlight.base !== null && version !== inFlight.base + 1) compareSoon(turn, `version ${version} after ${inFlight.base}`);
  // Lower than before: the shadow was deleted and made anew.
  if (state.held) state.version = version < (inFlight.base ?? 0) ? version : Math.max(version, state.version ?? 0);
  if (state.held && inFlight.patch) confirm(turn);
  else if (inFlight.onlyUnconfirmed) state.unconfirmedSinceMs = null;
  effects.push({ type: 'accepted', version });
  if (inFlight.for === 'farewell') effects.push({ type: 'farewell', error: null });
  else if (inFlight.for) {
    if (inFlight.for.type === 'clear' && inFlight.for.lastCommand && inFlight.patch)
      state.sections = { ...state.sections, lastCommand: inFlight.for.lastCommand };
    effects.push(settled(inFlight.for, version, null));
  } else state.failures = 0;
  nextHeartbeat(state);
}

export function failed(turn: Turn, op: number, error: HubError): void {
  const { state, effects, now } = turn;
  if (op === state.greeting) {
    state.greeting = null;
    state.lastFailure = error.code;
    effects.push({ type: 'log', event: 'greeting_failed', reason: error.message });
    return;
  }
  const { inFlight } = state;
  if (op !== inFlight?.op) return;
  state.inFlight = null;
  state.lastFailure = error.code;
  state.forced ||= inFlight.forced;
  if (error.code === 'cloud_timeout') {
    state.held = null;
    state.version = null;
    if (!state.leaving) askRead(turn);
  }
  const squeezes = error.code === 'shadow_too_large' && inFlight.patch !== null && state.squeeze < MAX_SQUEEZE;
  if (squeezes) state.squeeze += 1;
  if (inFlight.for === 'farewell') effects.push({ type: 'farewell', error });
  else if (inFlight.for) {
    if (squeezes) state.queue = [smaller(inFlight.for), ...state.queue];
    else effects.push(settled(inFlight.for, null, error));
  } else {
    effects.push({ type: 'log', event: 'report_failed', reason: error.message });
    state.forced = true;
    state.failures += 1;
    if (!state.leaving) state.reportDueMs = now.nowMs + retryMs(state, now);
  }
}

/** The job without what it can do without: a full shadow still lets go of a command, which makes room for its answer. */
const smaller = (job: Job): Job => (job.type === 'clear' ? { ...job, lastCommand: null } : job);
