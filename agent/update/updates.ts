import { type Cancel, type MonotonicClock, sleep } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { messageOf } from '../system/errors.ts';
import type { Log } from '../system/log.ts';
import type { ProcessLock } from '../system/process-lock.ts';
import { attemptOf, isSameJob, type Job, type JobOutcome, type JobRef } from './job.ts';
import { type JobOperation, parseJobDocument } from './job-document.ts';
import type { JobJournal } from './job-journal.ts';
import { FIRST_JOB_STATE, isGone, type JobEffect, type JobEvent, jobStep, type Verdict } from './job-machine.ts';
import type { JobsTopics } from './job-topics.ts';
import { createJobsClient, type JobsResult } from './jobs-client.ts';
import type { PrepareDeps, Prepared } from './prepare-update.ts';
import type { ReleaseRequest, Releases } from './releases.ts';
import { createTurn } from './turn.ts';
import type { MakeBundle } from './upload-bundle.ts';

/** Jobs of AWS IoT Device Management: taken, carried out once, answered. */
export interface Updates {
  /** What is to be subscribed to. */
  readonly filter: string;
  /** Goes on with the job that was at hand. Never throws. */
  start(): Promise<void>;
  stop(): Promise<void>;
  linkUp(): void;
  linkDown(): void;
  /** A message on one of the Jobs service's topics. @throws Error for what cannot be read */
  message(topic: string, payload: Buffer): void;
  /** Whether the cloud has answered, in this process, that this release is on trial. True where no job waits for the end of a trial. */
  isTrialTold(): boolean;
}

export interface UpdatesDeps extends Omit<PrepareDeps, 'releases'> {
  topics: JobsTopics;
  publish(topic: string, payload: string): Promise<void>;
  journal: JobJournal;
  releases: Releases;
  /** Of everyone who prepares an update on this hub: hubctl may, too. */
  lock: ProcessLock;
  makeBundle: MakeBundle;
  /** True while something runs that a restart would harm, as a Wi-Fi change. */
  isBusy(): boolean;
  /** A download begins after a random part of this, so that a fleet does not come at once. */
  spreadMs: number;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
}

/** The service's time for the next step; a download that goes on reports more often. */
const STEP_MINUTES = 60;
const WATCH_MS = 2_000;
const BUSY_MS = 10_000;
const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 600_000;
/** The journal's disk may have room again. */
const SAVE_RETRY_MS = 30_000;

function failureOf(error: unknown): JobOutcome {
  const { code = '' } = error as NodeJS.ErrnoException;
  return { status: 'FAILED', reason: ['ENOSPC', 'EDQUOT'].includes(code) ? 'disk_full' : 'storage_failed' };
}

export function createUpdates(deps: UpdatesDeps): Updates {
  const { topics, journal, releases, clock, entropy, log } = deps;
  const client = createJobsClient(deps);
  const turn = createTurn(deps);
  let state = FIRST_JOB_STATE;
  let stopped = new AbortController();
  let preparing = new AbortController();
  let watching = new AbortController();
  let cancelRetry: Cancel = () => {};
  let saving: Promise<void> = Promise.resolve();
  let unsaved = 0;
  /** The request that the updater is to get; known to the process that prepared it. The lock is kept until the updater has it. */
  let ready: { request: ReleaseRequest; free(): void } | null = null;

  function dispatch(event: JobEvent): void {
    if (stopped.signal.aborted) return;
    const step = jobStep(state, event);
    state = step.state;
    for (const effect of step.effects) run(effect);
  }

  const resultOf = (result: JobsResult): JobEvent =>
    result.ok ? { type: 'offered', offered: result.answer.offered } : { type: 'refused', code: result.code };
  const acceptedOf = (result: JobsResult): JobEvent => (result.ok ? { type: 'accepted' } : { type: 'refused', code: result.code });

  const update = ({ jobId, executionNumber }: JobRef, status: string, statusDetails: Record<string, string>) =>
    client.ask(topics.update(jobId), {
      status,
      statusDetails,
      executionNumber,
      ...(status === 'IN_PROGRESS' && { stepTimeoutInMinutes: STEP_MINUTES }),
    });

  async function save(job: Job | null): Promise<void> {
    for (let told = false; !stopped.signal.aborted; ) {
      try {
        return await journal.save(job);
      } catch (error) {
        if (!told) log.error({ event: 'update_job_unstored', reason: messageOf(error) }, 'the current job cannot be stored');
        told = true;
        await sleep(clock, SAVE_RETRY_MS, stopped.signal);
      }
    }
  }

  function enqueueSave(job: Job | null): void {
    unsaved += 1;
    saving = saving
      .then(() => save(job))
      .then(() => {
        unsaved -= 1;
        if (unsaved === 0) dispatch({ type: 'saved' });
      });
  }

  /** Tells how far it is; an execution that has ended in the cloud ends here, too. */
  async function progress(job: JobRef, details: Record<string, string>): Promise<void> {
    const result = await update(job, 'IN_PROGRESS', details);
    if (!result.ok && isGone(result.code)) dispatch({ type: 'gone' });
  }

  /** The next prepares, or nobody. */
  function letGo(): void {
    ready?.free();
    ready = null;
  }

  async function performUpdate(job: JobRef, operation: Extract<JobOperation, { operation: 'update_agent' }>, signal: AbortSignal) {
    const { prepareUpdate } = await import('./prepare-update.ts');
    letGo();
    const free = await turn.take(job, signal);
    let prepared: Prepared | null = null;
    try {
      prepared = await prepareUpdate({ ...deps, releases }, job, operation, {
        signal,
        onProgress: (percent) => void progress(job, { step: 'download', percent: String(percent) }),
        spreadMs: deps.spreadMs,
      });
      // A sleep under an aborted signal returns at once: without the second look this would spin.
      while (prepared === 'ready' && deps.isBusy() && !signal.aborted) await sleep(clock, BUSY_MS, signal);
      const { manifest, signature } = operation;
      if (prepared === 'ready' && !signal.aborted) ready = { request: { attempt: attemptOf(job), manifest, signature }, free };
      return prepared;
    } finally {
      if (ready?.free !== free) {
        // What was fetched is of use where the download goes on: with fresh addresses, or after a restart of the agent.
        if (prepared !== 'stale' && !stopped.signal.aborted) await deps.parts.keepOnly(new Set()).catch(() => {});
        free();
      }
    }
  }

  async function perform(job: JobRef, operation: JobOperation, signal: AbortSignal): Promise<Prepared> {
    // Loaded here: HTTPS takes memory, and a hub has a job twice a year.
    if (operation.operation === 'upload_bundle') {
      const { uploadBundle } = await import('./upload-bundle.ts');
      return uploadBundle(operation.url, { ...deps, signal });
    }
    return performUpdate(job, operation, signal);
  }

  async function prepare(job: JobRef, document: unknown): Promise<void> {
    preparing = new AbortController();
    const { signal } = preparing;
    const operation = parseJobDocument(document);
    log.info({ event: 'job_taken', ...job, operation: typeof operation === 'string' ? operation : operation.operation }, 'a job is taken');
    if (typeof operation === 'string') return dispatch({ type: 'ended', outcome: { status: 'REJECTED', reason: operation } });
    let prepared: Prepared;
    try {
      prepared = await perform(job, operation, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ event: 'job_failed', ...job, reason: messageOf(error) }, 'a job could not be prepared');
      prepared = failureOf(error);
    }
    if (signal.aborted) return;
    if (prepared === 'ready') return dispatch({ type: 'prepared' });
    if (prepared === 'stale') return dispatch({ type: 'stale' });
    log.info({ event: 'job_ended', ...job, ...prepared }, 'a job has ended');
    dispatch({ type: 'ended', outcome: prepared });
  }

  async function handOver(job: JobRef): Promise<void> {
    watching.abort();
    if (ready?.request.attempt !== attemptOf(job)) return dispatch({ type: 'verdict', verdict: 'none' });
    try {
      await releases.request(ready.request);
      log.info({ event: 'update_requested', ...job }, 'the release was handed to the updater');
    } catch (error) {
      log.error({ event: 'job_failed', ...job, reason: messageOf(error) }, 'the updater could not be asked');
      letGo();
      await turn.discard();
      return dispatch({ type: 'ended', outcome: failureOf(error) });
    }
    await watch(job);
  }

  async function watch(job: JobRef): Promise<void> {
    watching.abort();
    watching = new AbortController();
    const { signal } = watching;
    let last: Verdict | null = null;
    while (!signal.aborted && isSameJob(state.job, job) && state.job?.stage === 'handed_over') {
      const verdict: Verdict = await releases.verdict(attemptOf(job)).catch(() => 'waiting' as const);
      if (signal.aborted) return;
      if (JSON.stringify(verdict) !== JSON.stringify(last)) {
        log.info({ event: 'update_verdict', ...job, verdict }, 'answer of the updater');
        if (verdict !== 'waiting') letGo();
        if (verdict !== 'waiting' && verdict !== 'none') await turn.discard();
        dispatch({ type: 'verdict', verdict });
      }
      last = verdict;
      await sleep(clock, WATCH_MS, signal);
    }
  }

  function run(effect: JobEffect): void {
    switch (effect.type) {
      case 'askNext':
        return void client.ask(topics.startNext, { stepTimeoutInMinutes: STEP_MINUTES }).then((result) => dispatch(resultOf(result)));
      case 'askDocument': {
        const { jobId, executionNumber } = effect.job;
        return void client.ask(topics.describe(jobId), { executionNumber }).then((result) => dispatch(resultOf(result)));
      }
      case 'tellTrial':
        return void update(effect.job, 'IN_PROGRESS', { step: 'trial' }).then((result) => dispatch(acceptedOf(result)));
      case 'tellEnd':
        return void update(effect.job, effect.status, { reason: effect.reason }).then((result) => dispatch(acceptedOf(result)));
      case 'save':
        enqueueSave(effect.job);
        return;
      case 'prepare':
        return void prepare(effect.job, effect.document);
      case 'stopWorking':
        preparing.abort();
        return;
      case 'handOver':
        return void handOver(effect.job);
      case 'watch':
        return void watch(effect.job);
      case 'wait': {
        cancelRetry();
        const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(effect.failures, 10)) * (0.5 + entropy.unit() / 2);
        cancelRetry = clock.schedule(delayMs, () => dispatch({ type: 'retry' }));
        return;
      }
    }
  }

  return {
    filter: topics.filter,

    async start() {
      stopped = new AbortController();
      dispatch({ type: 'loaded', job: await journal.load() });
    },

    async stop() {
      stopped.abort();
      preparing.abort();
      watching.abort();
      cancelRetry();
      letGo();
      await saving;
    },

    linkUp: () => dispatch({ type: 'linkUp' }),
    linkDown: () => dispatch({ type: 'linkDown' }),

    message(topic, payload) {
      const parsed = topics.parse(topic);
      if (parsed?.kind === 'changed') dispatch({ type: 'notified' });
      else if (parsed) client.answered(parsed.accepted, payload);
    },

    isTrialTold: () => state.job?.stage !== 'handed_over' || state.trial === 'told',
  };
}
