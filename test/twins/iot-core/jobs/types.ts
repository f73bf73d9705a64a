import type { JsonObject } from '../shadow-document.ts';

/** A status of a job execution (AWS IoT API reference, "JobExecution"). A device may set four of them. */
export type JobStatus = 'QUEUED' | 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'TIMED_OUT' | 'CANCELED' | 'REMOVED';

/** One attempt of one Thing at one job. Times are epoch seconds. */
export interface JobExecution {
  jobId: string;
  thingName: string;
  /** 1, 2, …: a retry by the cloud is a new execution of the same job. */
  executionNumber: number;
  status: JobStatus;
  statusDetails: Record<string, string>;
  /** Grows with every change. */
  versionNumber: number;
  queuedAt: number;
  startedAt: number | null;
  lastUpdatedAt: number;
}

/** A job for one Thing, as `CreateJob` takes it. */
export interface JobOptions {
  jobId: string;
  thingName: string;
  /** At most 32 KB of JSON. A string `${aws:iot:s3-presigned-url-v2:https://s3.REGION.amazonaws.com/BUCKET/KEY}` in it is replaced at every read. */
  document: JsonObject;
  /** 1 … 10,080; counts from IN_PROGRESS and cannot be moved. */
  inProgressTimeoutMinutes?: number;
  /** How often FAILED and TIMED_OUT are tried again. Default 0. */
  retries?: number;
}

/** What a presigned URL is asked for. */
export interface PresignRequest {
  operation: 'get' | 'put';
  bucket: string;
  key: string;
}

/** The control side of the Jobs service, as the cloud's API offers it. */
export interface JobsAccess {
  /** @throws RangeError where AWS refuses the job */
  create(job: JobOptions): void;
  /** `force` also ends an execution that is IN_PROGRESS. */
  cancel(jobId: string, options?: { force?: boolean }): void;
  /** The job and its executions are gone: further requests find nothing. */
  delete(jobId: string): void;
  /** The execution of this number; without one the latest. */
  execution(jobId: string, executionNumber?: number): JobExecution | null;
  /** Called after each change of an execution. Returns the unsubscriber. */
  onChange(handler: (execution: JobExecution) => void): () => void;
  /** Publishes the present `notify` and `notify-next` of a Thing once more. */
  redeliver(thingName: string): void;
}
