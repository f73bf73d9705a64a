import { join } from 'node:path';
import * as z from 'zod';
import { UPDATE_JOB_FILE } from '../state/layout.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { INTERPRETED } from '../system/parse-options.ts';
import { readRecord } from '../system/records.ts';
import { parseSealed, sealed } from '../system/seal.ts';
import type { Job } from './job.ts';

/** The job at hand on disk: `update-job.json`. */
export interface JobJournal {
  /** Null when there is none. A damaged record is logged and counts as none: the service offers the job again. Never throws. */
  load(): Promise<Job | null>;
  /** @throws whatever the file system throws */
  save(job: Job | null): Promise<void>;
}

const schema = z.object({
  version: z.literal(1),
  jobId: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  executionNumber: z.int().nonnegative(),
  stage: z.enum(['taken', 'handed_over', 'ended']),
  outcome: z.object({ status: z.enum(['SUCCEEDED', 'FAILED', 'REJECTED']), reason: z.string().max(64) }).nullable(),
});

function parse(data: Buffer): Job {
  const parsed = schema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('no job of this format');
  const { version, ...job } = parsed.data;
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
