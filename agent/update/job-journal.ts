import { join } from 'node:path';
import { UPDATE_JOB_FILE } from '../state/layout.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { readRecord } from '../system/records.ts';
import { parsed, type Schema } from '../system/schema.ts';
import { parseSealed, sealed } from '../system/seal.ts';
import type { Job } from './job.ts';

/** The job at hand on disk: `update-job.json`. */
export interface JobJournal {
  /** Null when there is none. A damaged record is logged and counts as none: the service offers the job again. Never throws. */
  load(): Promise<Job | null>;
  /** @throws errors of the file system */
  save(job: Job | null): Promise<void>;
}

const OUTCOME: Schema = {
  type: ['object', 'null'],
  properties: { status: { enum: ['SUCCEEDED', 'FAILED', 'REJECTED'] }, reason: { type: 'string', maxLength: 64 } },
  required: ['status', 'reason'],
};
const SCHEMA: Schema = {
  type: 'object',
  properties: {
    version: { const: 1 },
    jobId: { type: 'string', pattern: /^[a-zA-Z0-9_-]{1,64}$/ },
    executionNumber: { type: 'integer', minimum: 0 },
    stage: { enum: ['taken', 'handed_over', 'ended'] },
    outcome: OUTCOME,
  },
  required: ['version', 'jobId', 'executionNumber', 'stage', 'outcome'],
};

function parse(data: Buffer): Job {
  const { version, ...job } = parsed<Job & { version: 1 }>(SCHEMA, parseSealed(data), 'no job of this format');
  if (job.stage === 'ended' && job.outcome === null) throw new Error('a job that has ended without an outcome');
  return job;
}

export function createJobJournal(deps: { files: Files; stateDirectory: string; log: Log }): JobJournal {
  const { files, log } = deps;
  const path = join(deps.stateDirectory, UPDATE_JOB_FILE);
  return {
    async load() {
      const means = 'the record of the job at hand is damaged: the cloud is asked again';
      const found = await readRecord({ files, log }, { path, parse, event: 'update_job_damaged', means });
      return found.state === 'sound' ? found.value : null;
    },
    save: (job) => (job === null ? files.remove(path) : files.writeAtomic(path, JSON.stringify(sealed({ version: 1, ...job })))),
  };
}
