import { isObject, type JsonObject } from '../shadow-document.ts';
import type { JobStatus } from './types.ts';

/** A request of a device, by its topic. `jobId` is null for requests about all jobs. */
export interface JobsRequestTopic {
  thingName: string;
  jobId: string | null;
  operation: 'list' | 'start-next' | 'describe' | 'update';
}

/** The codes of the Jobs service (AWS IoT developer guide, "ErrorCode"). */
export type JobsErrorCode =
  | 'InvalidTopic'
  | 'InvalidJson'
  | 'InvalidRequest'
  | 'InvalidStateTransition'
  | 'ResourceNotFound'
  | 'VersionMismatch'
  | 'InternalError'
  | 'RequestThrottled'
  | 'TerminalStateReached';

/** A validated request body. What a request does not know is ignored, as AWS does. */
export interface JobsRequest {
  clientToken?: string;
  status?: JobStatus;
  statusDetails?: Record<string, string>;
  expectedVersion?: number;
  executionNumber?: number;
  stepTimeoutInMinutes?: number;
  includeJobExecutionState: boolean;
  includeJobDocument?: boolean;
}

export interface JobsRefusal {
  code: JobsErrorCode;
  message: string;
}

const DEVICE_STATUSES = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED'];
const MAX_DETAILS = 10;
/** The stricter of the two published tables (quotas of 2020). */
const MAX_DETAIL_VALUE = 128;
const DETAIL_KEY = /^[a-zA-Z0-9:_-]{1,128}$/;
const CLIENT_TOKEN = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_MINUTES = 10_080;

const isPositive = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
const isStepTimeout = (value: unknown) => value === -1 || (isPositive(value) && (value as number) <= MAX_MINUTES);

function isDetails(value: unknown): boolean {
  if (!isObject(value)) return false;
  const pairs = Object.entries(value);
  return (
    pairs.length <= MAX_DETAILS &&
    pairs.every(([key, text]) => DETAIL_KEY.test(key) && typeof text === 'string' && text.length >= 1 && text.length <= MAX_DETAIL_VALUE)
  );
}

const FIELDS: Record<string, (value: unknown) => boolean> = {
  clientToken: (value) => typeof value === 'string' && CLIENT_TOKEN.test(value),
  statusDetails: isDetails,
  expectedVersion: isPositive,
  executionNumber: isPositive,
  stepTimeoutInMinutes: isStepTimeout,
  includeJobExecutionState: (value) => typeof value === 'boolean',
  includeJobDocument: (value) => typeof value === 'boolean',
};

/** Checks a request. An empty payload is an empty request. */
export function parseJobsRequest(
  payload: Buffer,
  operation: JobsRequestTopic['operation'],
): { ok: true; request: JobsRequest } | { ok: false; refusal: JobsRefusal; clientToken?: string } {
  let body: unknown = {};
  try {
    if (payload.length > 0) body = JSON.parse(payload.toString('utf8'));
  } catch {
    return { ok: false, refusal: { code: 'InvalidJson', message: 'The request could not be parsed.' } };
  }
  if (!isObject(body)) return { ok: false, refusal: { code: 'InvalidJson', message: 'The request is no JSON object.' } };
  const token = FIELDS.clientToken!(body.clientToken) ? { clientToken: body.clientToken as string } : {};
  const wrong = Object.entries(FIELDS).find(([name, fits]) => body[name] !== undefined && !fits(body[name]));
  const invalid = (message: string) => ({ ok: false, refusal: { code: 'InvalidRequest', message }, ...token }) as const;
  if (wrong) return invalid(`Invalid ${wrong[0]}.`);
  if (operation === 'update' && !DEVICE_STATUSES.includes(body.status as string)) return invalid('Invalid status.');
  return { ok: true, request: { includeJobExecutionState: false, ...(body as JsonObject) } as unknown as JobsRequest };
}
