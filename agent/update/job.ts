/** How an execution ends, as the device may say it (AWS IoT developer guide, "Jobs and job execution states"). */
export type JobEnd = 'SUCCEEDED' | 'FAILED' | 'REJECTED';

/** How a job ended; `reason` is a stable word. */
export interface JobOutcome {
  status: JobEnd;
  reason: string;
}

/** One attempt at one job. A retry by the cloud is another attempt, with a number of its own. */
export interface JobRef {
  jobId: string;
  executionNumber: number;
}

/**
 * `taken`: it is being prepared, and may be begun anew. `handed_over`: the updater was asked, which is done once. `ended`: the outcome is known and
 * the cloud is to be told.
 */
export type JobStage = 'taken' | 'handed_over' | 'ended';

/** The job at hand, as the journal keeps it across restarts. */
export interface Job extends JobRef {
  stage: JobStage;
  /** With `ended`. */
  outcome: JobOutcome | null;
}

/** The name under which the updater knows the attempt. */
export const attemptOf = ({ jobId, executionNumber }: JobRef): string => `${jobId}:${executionNumber}`;

export const isSameJob = (a: JobRef | null, b: JobRef | null): boolean =>
  a !== null && b !== null && a.jobId === b.jobId && a.executionNumber === b.executionNumber;
