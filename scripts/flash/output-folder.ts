import { constants } from 'node:fs';
import { access, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '../../agent/system/folders.ts';
import { occupantOf, storageProblem } from '../../agent/system/storage-problem.ts';
import { removeLeftovers } from './leftovers.ts';
import { takeLock } from './lock.ts';
import { UsageError } from './problems.ts';

async function open(output: string): Promise<void> {
  try {
    await makeFolders(output, 0o755);
    await access(output, constants.W_OK | constants.X_OK);
  } catch (error) {
    const isFolder = await stat(output).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const occupant = isFolder ? null : await occupantOf(output);
    if (occupant !== null) throw new UsageError(`--output ${output} is ${occupant}. Name a folder.`);
    const problem = storageProblem(error, output);
    if (problem) throw new UsageError(`--output: ${problem.message}. ${problem.remedy}.`);
    throw error;
  }
}

/**
 * Makes the folder of a batch and takes it for this run alone; what a killed run left there is removed. Answers with the way to release it.
 * @throws UsageError when it cannot be used, with the reason and the remedy; Error when another run has it
 */
export async function claimOutput(output: string): Promise<() => Promise<void>> {
  await open(output);
  const lock = join(output, 'lock');
  await takeLock(lock);
  const release = () => rm(lock, { force: true });
  try {
    await removeLeftovers(output);
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

/** An error of the file system as one that says what to do; any other one as it is. A file that is missing may be one that was to be read. */
export function explained(error: unknown, path: string): unknown {
  const { code } = Object(error) as NodeJS.ErrnoException;
  const problem = code === 'ENOENT' ? null : storageProblem(error, path);
  return problem ? new Error(`${problem.message}. ${problem.remedy}.`, { cause: error }) : error;
}
