import type { Cancel } from '../../../../agent/system/clock.ts';
import type { Timers } from '../timers.ts';
import type { JobExecution, JobOptions, JobStatus } from './types.ts';

/** An execution with its timers. */
export interface StoredExecution {
  job: JobOptions;
  execution: JobExecution;
  cancelInProgressTimer: Cancel;
  cancelStepTimer: Cancel;
}

export interface JobStoreDeps {
  timers: Timers;
  nowMs(): number;
  /** After each change; `pendingChanged`: an execution came or went; `nextChanged`: another one is the next of its Thing. */
  onChange(stored: StoredExecution, change: { pendingChanged: boolean; nextChanged: boolean }): void;
}

/** All jobs and their executions: what they may become, and when they time out. */
export interface JobStore {
  add(job: JobOptions): void;
  cancel(jobId: string, force: boolean): void;
  remove(jobId: string): void;
  find(jobId: string, executionNumber?: number): StoredExecution | null;
  /** QUEUED and IN_PROGRESS ones, those in progress first, each in order of creation. */
  pending(thingName: string): StoredExecution[];
  /** `-1` discards the step's timer, null leaves it. */
  move(stored: StoredExecution, status: JobStatus, details: Record<string, string> | null, stepTimeoutMinutes: number | null): void;
}

const MINUTE_MS = 60_000;
const none: Cancel = () => {};

export const isPending = (status: JobStatus) => status === 'QUEUED' || status === 'IN_PROGRESS';

export function createJobStore({ timers, nowMs, onChange }: JobStoreDeps): JobStore {
  const all: StoredExecution[] = [];
  const now = () => Math.floor(nowMs() / 1000);

  function pending(thingName: string): StoredExecution[] {
    const mine = all.filter(({ execution }) => execution.thingName === thingName && isPending(execution.status));
    return [
      ...mine.filter(({ execution }) => execution.status === 'IN_PROGRESS'),
      ...mine.filter(({ execution }) => execution.status === 'QUEUED'),
    ];
  }

  /** Carries out a change and tells what it did to the Thing's list. */
  function change(stored: StoredExecution, apply: () => void): void {
    const { thingName } = stored.execution;
    const before = pending(thingName);
    apply();
    const after = pending(thingName);
    onChange(stored, { pendingChanged: before.length !== after.length, nextChanged: before[0] !== after[0] });
  }

  function queue(job: JobOptions, executionNumber: number): void {
    const at = now();
    const stored: StoredExecution = {
      job,
      execution: {
        jobId: job.jobId,
        thingName: job.thingName,
        executionNumber,
        status: 'QUEUED',
        statusDetails: {},
        versionNumber: 1,
        queuedAt: at,
        startedAt: null,
        lastUpdatedAt: at,
      },
      cancelInProgressTimer: none,
      cancelStepTimer: none,
    };
    change(stored, () => void all.push(stored));
  }

  function endTimers(stored: StoredExecution): void {
    stored.cancelInProgressTimer();
    stored.cancelStepTimer();
  }

  const timeOut = (stored: StoredExecution) => move(stored, 'TIMED_OUT', null, null);

  function move(
    stored: StoredExecution,
    status: JobStatus,
    details: Record<string, string> | null,
    stepTimeoutMinutes: number | null,
  ): void {
    const { execution, job } = stored;
    change(stored, () => {
      const starts = status === 'IN_PROGRESS' && execution.status === 'QUEUED';
      execution.status = status;
      if (details) execution.statusDetails = { ...details };
      execution.versionNumber += 1;
      execution.lastUpdatedAt = now();
      if (starts) {
        execution.startedAt = now();
        const minutes = job.inProgressTimeoutMinutes;
        if (minutes !== undefined) stored.cancelInProgressTimer = timers.schedule(minutes * MINUTE_MS, () => timeOut(stored));
      }
      if (!isPending(status)) endTimers(stored);
      else if (stepTimeoutMinutes !== null) {
        stored.cancelStepTimer();
        stored.cancelStepTimer = stepTimeoutMinutes === -1 ? none : timers.schedule(stepTimeoutMinutes * MINUTE_MS, () => timeOut(stored));
      }
    });
    const isRetried = (status === 'FAILED' || status === 'TIMED_OUT') && execution.executionNumber <= (job.retries ?? 0);
    if (isRetried) queue(job, execution.executionNumber + 1);
  }

  return {
    add: (job) => queue(job, 1),
    cancel(jobId, force) {
      for (const stored of all.filter(({ job }) => job.jobId === jobId)) {
        const { status } = stored.execution;
        // A canceled job is not tried again.
        stored.job = { ...stored.job, retries: 0 };
        if (status === 'QUEUED' || (force && status === 'IN_PROGRESS')) move(stored, 'CANCELED', null, null);
      }
    },
    remove(jobId) {
      for (const stored of all.filter(({ job }) => job.jobId === jobId)) {
        endTimers(stored);
        change(stored, () => {
          stored.execution.status = 'REMOVED';
          all.splice(all.indexOf(stored), 1);
        });
      }
    },
    find(jobId, executionNumber) {
      const executions = all.filter(({ job }) => job.jobId === jobId);
      if (executionNumber === undefined) return executions.at(-1) ?? null;
      return executions.find(({ execution }) => execution.executionNumber === executionNumber) ?? null;
    },
    pending,
    move,
  };
}
