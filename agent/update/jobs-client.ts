import type { MonotonicClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { HubError } from '../system/errors.ts';
import { within } from '../system/timeout.ts';
import { type JobsAnswer, parseJobsAnswer, parseJobsRefusal } from './job-messages.ts';

/** An answer of the Jobs service, or why there is none: its code, or `NoAnswer`. */
export type JobsResult = { ok: true; answer: JobsAnswer } | { ok: false; code: string };

/** Requests to the Jobs service with their answers, by client token. */
export interface JobsClient {
  /** Never rejects. */
  ask(topic: string, body: object): Promise<JobsResult>;
  /** What came on an answer's topic. @throws Error for what is no answer */
  answered(accepted: boolean, payload: Buffer): void;
}

/** The service answers within a second or two; a lost answer costs this. */
const ANSWER_MS = 15_000;

export function createJobsClient(deps: {
  publish(topic: string, payload: string): Promise<void>;
  clock: MonotonicClock;
  entropy: Entropy;
}): JobsClient {
  const { publish, clock, entropy } = deps;
  const open = new Map<string, (result: JobsResult) => void>();

  return {
    async ask(topic, body) {
      const clientToken = entropy.uuid();
      const { promise, resolve } = Promise.withResolvers<JobsResult>();
      open.set(clientToken, resolve);
      try {
        await publish(topic, JSON.stringify({ ...body, clientToken }));
        return await within(clock, ANSWER_MS, promise, () => ({ ok: false, code: 'NoAnswer' }) as const);
      } catch (error) {
        return { ok: false, code: error instanceof HubError && error.code === 'cloud_refused' ? 'Refused' : 'NoAnswer' };
      } finally {
        open.delete(clientToken);
      }
    },

    answered(accepted, payload) {
      const { clientToken, result } = readAnswer(accepted, payload);
      if (clientToken !== null) open.get(clientToken)?.(result);
    },
  };
}

function readAnswer(accepted: boolean, payload: Buffer): { clientToken: string | null; result: JobsResult } {
  if (!accepted) {
    const { code, clientToken } = parseJobsRefusal(payload);
    return { clientToken, result: { ok: false, code } };
  }
  const answer = parseJobsAnswer(payload);
  return { clientToken: answer.clientToken, result: { ok: true, answer } };
}
