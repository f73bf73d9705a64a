import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { MissingProgram } from './problems.ts';

/** Where it lies on Debian; the PATH of a user who is not root leaves these out. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** It lists whole folders. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** The path of debugfs. @throws MissingProgram with what to install */
export async function findDebugfs(searchPath: string | undefined, folders: readonly string[] = SYSTEM_FOLDERS): Promise<string> {
  for (const folder of [...(searchPath ?? '').split(delimiter).filter(Boolean), ...folders]) {
    const program = join(folder, 'debugfs');
    const isThere = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  throw new MissingProgram('--image needs debugfs, which is not on this machine: install e2fsprogs.');
}

/** What debugfs said. Its exit code tells little, so the caller looks at what came of it. */
export interface DebugfsRun {
  output: string;
  /** The last thing that it complained of, as ` (debugfs: …)` to be put after an error; empty when it complained of nothing. */
  lastWords: string;
}

/** What it says of every image that is as it should be: its version, folders that are there, old files that are not. */
const USUAL = /^debugfs \d|already exists|File not found by ext2_lookup/;
/** What follows from its first complaint. */
const CONSEQUENCE = /: Filesystem not open/;

/** Has debugfs carry out commands on the file system of an image. @throws Error when it cannot be run or was killed */
export function runDebugfs(program: string, args: readonly string[], commands: readonly string[], cwd?: string): Promise<DebugfsRun> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd, maxBuffer: MAX_OUTPUT_BYTES }, (error, output, complaints) => {
      const code = typeof error?.code === 'number' ? error.code : null;
      if (error && code === null) {
        reject(new Error(`${program} cannot be run (${error.signal ?? error.code}). Check that e2fsprogs is whole.`));
        return;
      }
      const words = complaints.split('\n').map((line) => line.trim());
      const ofNote = words.filter((line) => line !== '' && !USUAL.test(line) && !CONSEQUENCE.test(line));
      const last = ofNote.at(-1)?.replace(/^debugfs: /, '') ?? (code === null ? null : `ended with ${code}`);
      resolve({ output, lastWords: last === null ? '' : ` (debugfs: ${last})` });
    });
    // A program that ends early has said why; that its input was not read says nothing more.
    child.stdin!.on('error', () => {});
    child.stdin!.end(`${commands.join('\n')}\n`);
  });
}
