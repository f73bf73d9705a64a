import { isSameJob, type Job, type JobEnd, type JobOutcome, type JobRef } from './job.ts';
import type { OfferedJob } from './job-messages.ts';

/** What the updater's state says of an attempt. `none`: it has not heard of it. `waiting`: the request lies there. */
export type Verdict = JobOutcome | 'none' | 'waiting' | 'trial';

/** What is known of the Jobs service and of the job at hand. */
export interface JobState {
  linked: boolean;
  /** Null: none. */
  job: Job | null;
  /** What is written in the journal, or is being written. */
  saved: 'clean' | 'saving';
  /** The request to the service that is under way. */
  asking: 'next' | 'document' | 'end' | 'trial' | null;
  /** Whether the job is being prepared now. */
  working: boolean;
  /** Whether the updater has the release of this job on trial, and whether the cloud has answered to that. */
  trial: 'no' | 'untold' | 'told';
  /** Something changed in the cloud while a request was under way. */
  news: boolean;
  /** How often the URLs of the job's document opened nothing. */
  stale: number;
  /** Requests in a row that failed. */
  failures: number;
}

export type JobEvent =
  /** At the start, from the journal. */
  | { type: 'loaded'; job: Job | null }
  | { type: 'linkUp' }
  | { type: 'linkDown' }
  /** The service says that something has changed. */
  | { type: 'notified' }
  | { type: 'offered'; offered: OfferedJob | null }
  | { type: 'accepted' }
  /** `code` as the service gives it; `NoAnswer` when none came. */
  | { type: 'refused'; code: string }
  /** The service refused a report of progress because the execution has ended there. */
  | { type: 'gone' }
  /** Everything that was to be saved is on the disk. */
  | { type: 'saved' }
  | { type: 'prepared' }
  /** A URL has expired: the document has to be read again. */
  | { type: 'stale' }
  | { type: 'ended'; outcome: JobOutcome }
  | { type: 'verdict'; verdict: Verdict }
  | { type: 'retry' };

export type JobEffect =
  | { type: 'askNext' }
  | { type: 'askDocument'; job: JobRef }
  /** IN_PROGRESS, from a release on trial: the answer proves that the cloud can be reached. */
  | { type: 'tellTrial'; job: JobRef }
  | { type: 'tellEnd'; job: JobRef; status: JobEnd; reason: string }
  /** Durably; null removes. Answered by `saved`, which comes however long it takes. */
  | { type: 'save'; job: Job | null }
  /** Validates, fetches what is missing. Answered by `prepared`, `stale` or `ended`. */
  | { type: 'prepare'; job: JobRef; document: unknown }
  | { type: 'stopWorking' }
  /** Once, after `handed_over` was saved; then as `watch`. Answered by `ended` when the disk does not take it. */
  | { type: 'handOver'; job: JobRef }
  /** Follows the updater's state. Answered by `verdict`, each time it changes. */
  | { type: 'watch'; job: JobRef }
  /** After a time that grows with `failures`; answered by `retry`. */
  | { type: 'wait'; failures: number };

export interface JobStep {
  state: JobState;
  effects: JobEffect[];
}

export const FIRST_JOB_STATE: JobState = {
  linked: false,
  job: null,
  saved: 'clean',
  asking: null,
  working: false,
  trial: 'no',
  news: false,
  stale: 0,
  failures: 0,
};

/** A long download outlives some URLs of an hour; a store that refuses each is no store for this hub. */
const MAX_STALE = 6;

/** The service knows the execution no more, or it has ended there: nothing can be told of it. */
export const isGone = (code: string): boolean => ['InvalidStateTransition', 'TerminalStateReached', 'ResourceNotFound'].includes(code);

const refOf = ({ jobId, executionNumber }: JobRef): JobRef => ({ jobId, executionNumber });

/** What has to be done next, where nothing is under way. */
function onwards(state: JobState): JobStep {
  const { job } = state;
  if (state.saved === 'saving' || state.asking !== null) return { state, effects: [] };
  if (!state.linked || (job?.stage === 'taken' && state.working)) return { state, effects: [] };
  if (job?.stage === 'handed_over') {
    if (state.trial !== 'untold') return { state, effects: [] };
    return { state: { ...state, asking: 'trial' }, effects: [{ type: 'tellTrial', job: refOf(job) }] };
  }
  if (job === null) return { state: { ...state, asking: 'next' }, effects: [{ type: 'askNext' }] };
  if (job.stage === 'taken') return { state: { ...state, asking: 'document' }, effects: [{ type: 'askDocument', job: refOf(job) }] };
  const { status, reason } = job.outcome!;
  return { state: { ...state, asking: 'end' }, effects: [{ type: 'tellEnd', job: refOf(job), status, reason }] };
}

const save = (state: JobState, job: Job | null): JobStep => ({
  state: { ...state, job, saved: 'saving' },
  effects: [{ type: 'save', job }],
});

function end(state: JobState, outcome: JobOutcome): JobStep {
  if (state.job === null || state.job.stage === 'ended') return { state, effects: [] };
  return save({ ...state, working: false }, { ...state.job, stage: 'ended', outcome });
}

/** Drops the job: the cloud wants nothing of it any more. */
function drop(state: JobState): JobStep {
  const { state: next, effects } = save({ ...state, working: false, failures: 0 }, null);
  return { state: next, effects: [...(state.working ? [{ type: 'stopWorking' as const }] : []), ...effects] };
}

function onOffered(state: JobState, offered: OfferedJob | null): JobStep {
  const { asking, job } = state;
  const idle = { ...state, asking: null, failures: 0 };
  if (offered === null) {
    // Asked for the document of a job that is no longer pending.
    if (asking === 'document' && job?.stage === 'taken') return drop(idle);
    return state.news ? onwards({ ...idle, news: false }) : { state: idle, effects: [] };
  }
  const prepare = { type: 'prepare' as const, job: refOf(offered), document: offered.document };
  if (isSameJob(job, offered)) {
    if (job?.stage !== 'taken' || state.working) return onwards(idle);
    return { state: { ...idle, working: true }, effects: [prepare] };
  }
  // Another one is at hand and has to be settled first.
  if (job !== null && job.stage !== 'taken') return onwards(idle);
  const { state: next, effects } = save({ ...idle, working: true, stale: 0 }, { ...refOf(offered), stage: 'taken', outcome: null });
  return { state: next, effects: [...(state.working ? [{ type: 'stopWorking' as const }] : []), ...effects, prepare] };
}

function onRefused(state: JobState, code: string): JobStep {
  const { asking, job } = state;
  const idle = { ...state, asking: null };
  if (isGone(code) && job !== null && asking !== 'next') {
    // A release on trial, and what the updater was asked for, cannot be taken back from here.
    if (job.stage !== 'handed_over') return drop(idle);
    // It was an answer: the cloud can be reached.
    return { state: { ...idle, trial: asking === 'trial' ? 'told' : state.trial }, effects: [] };
  }
  const failures = state.failures + 1;
  return { state: { ...idle, failures }, effects: [{ type: 'wait', failures }] };
}

function onStale(state: JobState): JobStep {
  const stale = state.stale + 1;
  if (stale >= MAX_STALE) return end({ ...state, stale }, { status: 'FAILED', reason: 'url_refused' });
  return { state: { ...state, working: false, stale }, effects: [{ type: 'wait', failures: stale }] };
}

function onVerdict(state: JobState, verdict: Verdict): JobStep {
  const { job } = state;
  // Before the hand-over is noted, nothing of it can be known.
  if (job?.stage !== 'handed_over' || state.saved === 'saving' || verdict === 'waiting') return { state, effects: [] };
  // The power went before the updater had the request: the job is prepared anew, from what is there already.
  if (verdict === 'none') return save({ ...state, trial: 'no' }, { ...job, stage: 'taken' });
  if (verdict === 'trial') return state.trial === 'no' ? onwards({ ...state, trial: 'untold' }) : { state, effects: [] };
  return end({ ...state, trial: 'no' }, verdict);
}

function onSaved(state: JobState): JobStep {
  const saved: JobState = { ...state, saved: 'clean' };
  if (state.job?.stage !== 'handed_over') return onwards(saved);
  return { state: saved, effects: [{ type: 'handOver', job: refOf(state.job) }] };
}

function onNotified(state: JobState): JobStep {
  const { job, asking, linked } = state;
  if (asking !== null) return { state: { ...state, news: true }, effects: [] };
  // The job that is being prepared may have been canceled.
  if (linked && job?.stage === 'taken' && state.working)
    return { state: { ...state, asking: 'document' }, effects: [{ type: 'askDocument', job: refOf(job) }] };
  return onwards(state);
}

function onLoaded(state: JobState, job: Job | null): JobStep {
  const next = { ...state, job };
  return job?.stage === 'handed_over' ? { state: next, effects: [{ type: 'watch', job: refOf(job) }] } : onwards(next);
}

/** The next state, and what to do. A job is taken once, handed over once, and its end is reported until the service has taken it. */
export function jobStep(state: JobState, event: JobEvent): JobStep {
  switch (event.type) {
    case 'loaded':
      return onLoaded(state, event.job);
    case 'linkUp':
      return onwards({ ...state, linked: true, asking: null, failures: 0 });
    case 'linkDown':
      return { state: { ...state, linked: false, asking: null, news: false }, effects: [] };
    case 'notified':
      return onNotified(state);
    case 'retry':
      return onwards(state);
    case 'gone':
      return state.job?.stage === 'taken' ? drop(state) : { state, effects: [] };
    case 'offered':
      return onOffered(state, event.offered);
    case 'accepted':
      if (state.asking === 'end') return drop({ ...state, asking: null });
      return { state: { ...state, asking: null, failures: 0, trial: state.asking === 'trial' ? 'told' : state.trial }, effects: [] };
    case 'refused':
      return onRefused(state, event.code);
    case 'saved':
      return onSaved(state);
    case 'prepared':
      if (state.job?.stage !== 'taken') return { state, effects: [] };
      return save({ ...state, working: false }, { ...state.job, stage: 'handed_over' });
    case 'stale':
      return onStale(state);
    case 'ended':
      return end(state, event.outcome);
    case 'verdict':
      return onVerdict(state, event.verdict);
  }
}
