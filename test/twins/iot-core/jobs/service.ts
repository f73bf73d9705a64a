import type { JsonObject } from '../shadow-document.ts';
import type { Timers } from '../timers.ts';
import { filledDocument } from './document.ts';
import { createJobStore, isPending, type StoredExecution } from './executions.ts';
import { type JobsErrorCode, type JobsRequest, type JobsRequestTopic, parseJobsRequest } from './requests.ts';
import { jobsRequestTopic } from './topics.ts';
import type { JobExecution, JobsAccess, PresignRequest } from './types.ts';

const MAX_DOCUMENT_BYTES = 32_768;
const JOB_ID = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_MINUTES = 10_080;
/** A `notify` names no more. */
const MAX_NOTIFIED = 15;

export interface JobsServiceDeps {
  timers: Timers;
  nowMs(): number;
  publish(topic: string, payload: string): void;
  presign(request: PresignRequest): string;
  /** True when the next request is to be refused as too many. */
  throttlesNextRequest(): boolean;
  /** True when the next answer is to be lost, after the request was done. */
  losesNextResponse(): boolean;
}

/** The Jobs service of AWS IoT Device Management: its MQTT side for devices, its API for the cloud. */
export interface JobsService {
  handle(topic: JobsRequestTopic, payload: Buffer): void;
  access: JobsAccess;
}

const summary = ({ execution }: StoredExecution) => {
  const { jobId, queuedAt, startedAt, lastUpdatedAt, versionNumber, executionNumber } = execution;
  return { jobId, queuedAt, ...(startedAt !== null && { startedAt }), lastUpdatedAt, versionNumber, executionNumber };
};

const stateOf = ({ execution }: StoredExecution) => {
  const { status, statusDetails, versionNumber } = execution;
  return { status, statusDetails, versionNumber };
};

interface Answer {
  kind: 'accepted' | 'rejected';
  body: object;
}

const accepted = (body: object): Answer => ({ kind: 'accepted', body });
const refused = (code: JobsErrorCode, message: string, of?: StoredExecution): Answer => ({
  kind: 'rejected',
  body: { code, message, ...(of && { executionState: stateOf(of) }) },
});
const notFound = ({ jobId }: JobsRequestTopic) => refused('ResourceNotFound', `Job execution of ${jobId} not found.`);

export function createJobsService(deps: JobsServiceDeps): JobsService {
  const handlers = new Set<(execution: JobExecution) => void>();
  const timestamp = () => Math.floor(deps.nowMs() / 1000);
  const send = (topic: string, body: object) => deps.publish(topic, JSON.stringify({ timestamp: timestamp(), ...body }));

  const store = createJobStore({
    timers: deps.timers,
    nowMs: deps.nowMs,
    onChange({ execution }, { pendingChanged, nextChanged }) {
      for (const handler of [...handlers]) handler(copyOf(execution));
      if (pendingChanged) notify(execution.thingName);
      if (nextChanged) notifyNext(execution.thingName);
    },
  });

  const documentOf = ({ job, execution }: StoredExecution): JsonObject => filledDocument(job.document, execution, deps.presign);

  function describe(stored: StoredExecution, withDocument: boolean): JsonObject {
    const { startedAt, ...rest } = stored.execution;
    return {
      ...rest,
      ...(startedAt !== null && { startedAt }),
      ...(withDocument && { jobDocument: documentOf(stored) }),
    } as unknown as JsonObject;
  }

  function notify(thingName: string): void {
    const pending = store.pending(thingName).slice(0, MAX_NOTIFIED);
    const of = (status: string) => pending.filter(({ execution }) => execution.status === status).map(summary);
    const lists = Object.entries({ IN_PROGRESS: of('IN_PROGRESS'), QUEUED: of('QUEUED') });
    send(`$aws/things/${thingName}/jobs/notify`, { jobs: Object.fromEntries(lists.filter(([, list]) => list.length > 0)) });
  }

  function notifyNext(thingName: string): void {
    const next = store.pending(thingName)[0];
    send(`$aws/things/${thingName}/jobs/notify-next`, next ? { execution: describe(next, true) } : {});
  }

  function listPending({ thingName }: JobsRequestTopic): Answer {
    const pending = store.pending(thingName);
    const of = (status: string) => pending.filter(({ execution }) => execution.status === status).map(summary);
    return accepted({ inProgressJobs: of('IN_PROGRESS'), queuedJobs: of('QUEUED') });
  }

  function startNext({ thingName }: JobsRequestTopic, request: JobsRequest): Answer {
    const next = store.pending(thingName)[0];
    if (!next) return accepted({});
    // One that is in progress already keeps its details, and its version.
    if (next.execution.status === 'QUEUED')
      store.move(next, 'IN_PROGRESS', request.statusDetails ?? null, request.stepTimeoutInMinutes ?? null);
    return accepted({ execution: describe(next, true) });
  }

  /** The execution that a request means; null: there is none. */
  function meant({ thingName, jobId }: JobsRequestTopic, { executionNumber }: JobsRequest): StoredExecution | null {
    const found = jobId === '$next' ? store.pending(thingName)[0] : store.find(jobId!, executionNumber);
    return found && found.execution.thingName === thingName ? found : null;
  }

  function describeOne(topic: JobsRequestTopic, request: JobsRequest): Answer {
    if (topic.jobId === '$next' && store.pending(topic.thingName).length === 0) return accepted({});
    const stored = meant(topic, request);
    if (!stored) return notFound(topic);
    if (!isPending(stored.execution.status)) return refused('TerminalStateReached', 'The job execution is in a terminal state.', stored);
    return accepted({ execution: describe(stored, request.includeJobDocument ?? true) });
  }

  function update(topic: JobsRequestTopic, request: JobsRequest): Answer {
    const stored = meant(topic, request);
    if (!stored) return notFound(topic);
    const { execution } = stored;
    if (request.expectedVersion !== undefined && request.expectedVersion !== execution.versionNumber)
      return refused('VersionMismatch', `The expected version is ${request.expectedVersion}.`, stored);
    if (!isPending(execution.status)) return refused('InvalidStateTransition', `The job execution is ${execution.status} already.`, stored);
    store.move(stored, request.status!, request.statusDetails ?? null, request.stepTimeoutInMinutes ?? null);
    return accepted({
      ...(request.includeJobExecutionState && { executionState: stateOf(stored) }),
      ...(request.includeJobDocument && { jobDocument: documentOf(stored) }),
    });
  }

  const operations = { list: listPending, 'start-next': startNext, describe: describeOne, update };

  function handle(topic: JobsRequestTopic, payload: Buffer): void {
    const parsed = parseJobsRequest(payload, topic.operation);
    const token = parsed.ok ? parsed.request.clientToken : parsed.clientToken;
    const answerOf = (): Answer => {
      if (deps.throttlesNextRequest()) return refused('RequestThrottled', 'The request was throttled.');
      if (!parsed.ok) return refused(parsed.refusal.code, parsed.refusal.message);
      return operations[topic.operation](topic, parsed.request);
    };
    const { kind, body } = answerOf();
    if (deps.losesNextResponse()) return;
    send(`${jobsRequestTopic(topic)}/${kind}`, { ...body, ...(token !== undefined && { clientToken: token }) });
  }

  return {
    handle,
    access: {
      create(job) {
        if (!JOB_ID.test(job.jobId)) throw new RangeError('a job id has 1 to 64 of a-z, A-Z, 0-9, - and _');
        if (store.find(job.jobId)) throw new RangeError(`there is a job ${job.jobId} already`);
        if (Buffer.byteLength(JSON.stringify(job.document)) > MAX_DOCUMENT_BYTES) throw new RangeError('a job document has at most 32 KB');
        const minutes = job.inProgressTimeoutMinutes ?? 1;
        if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) throw new RangeError('a time-out has 1 to 10,080 minutes');
        store.add(job);
      },
      cancel: (jobId, { force = false } = {}) => store.cancel(jobId, force),
      delete: store.remove,
      execution(jobId, executionNumber) {
        const stored = store.find(jobId, executionNumber);
        return stored && copyOf(stored.execution);
      },
      onChange(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
      redeliver(thingName) {
        notify(thingName);
        notifyNext(thingName);
      },
    },
  };
}

const copyOf = (execution: JobExecution): JobExecution => ({ ...execution, statusDetails: { ...execution.statusDetails } });
