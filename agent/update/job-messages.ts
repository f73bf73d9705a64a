import { parseBounded } from '../system/bounded-json.ts';
import type { JobRef } from './job.ts';

/** An execution as the Jobs service describes it to a device. */
export interface OfferedJob extends JobRef {
  document: unknown;
}

/** What an answer on an `accepted` topic says. `offered` is null when no execution is pending. */
export interface JobsAnswer {
  offered: OfferedJob | null;
  clientToken: string | null;
}

const JOB_ID = /^[a-zA-Z0-9_-]{1,64}$/;
/** Above the largest document of 32 KB with its frame. */
const MAX_MESSAGE_BYTES = 64 * 1024;

function parseObject(payload: Buffer): Record<string, unknown> {
  if (payload.length > MAX_MESSAGE_BYTES) throw new Error('the message is too large');
  const value = parseBounded(payload.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the message is no object');
  return value as Record<string, unknown>;
}

const tokenOf = ({ clientToken }: Record<string, unknown>) => (typeof clientToken === 'string' ? clientToken : null);

function offeredIn({ execution }: Record<string, unknown>): OfferedJob | null {
  if (execution === undefined || execution === null) return null;
  const { jobId, executionNumber, jobDocument } = execution as Record<string, unknown>;
  if (typeof jobId !== 'string' || !JOB_ID.test(jobId)) throw new Error('the execution has no job id');
  if (!Number.isSafeInteger(executionNumber)) throw new Error('the execution has no number');
  return { jobId, executionNumber: executionNumber as number, document: jobDocument };
}

/** @throws Error for what is no answer of the Jobs service; it quotes nothing */
export function parseJobsAnswer(payload: Buffer): JobsAnswer {
  const body = parseObject(payload);
  return { offered: offeredIn(body), clientToken: tokenOf(body) };
}

/** The code of a `rejected` answer (AWS IoT developer guide, "ErrorResponse"). @throws Error */
export function parseJobsRefusal(payload: Buffer): { code: string; clientToken: string | null } {
  const body = parseObject(payload);
  if (typeof body.code !== 'string') throw new Error('the refusal has no code');
  return { code: body.code.replace(/[^A-Za-z]/g, '').slice(0, 40), clientToken: tokenOf(body) };
}
