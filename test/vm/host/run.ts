import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** A program's output beyond this is cut: nothing we run has more to say that matters. */
const MAX_OUTPUT_BYTES = 1_000_000;
/** How much of a failed program's last words an error carries. */
const ERROR_TAIL_CHARACTERS = 2_000;

/** What a program printed. */
export interface RunResult {
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/**
 * Starts a program that the kernel ends when this process dies, also by SIGKILL (setpriv of util-linux sets the parent-death signal; it
 * belongs to the calling thread, so call it from the main thread).
 */
export function spawnBound(file: string, args: string[], death: 'TERM' | 'KILL', options: SpawnOptions = {}): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', death, '--', file, ...args], options);
}

/** Runs a program to its end. @throws Error with the end of its error output when it fails, is missing, or the signal aborts. */
export function run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawnBound(file, args, 'TERM', { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (const name of ['stdout', 'stderr'] as const) {
      let size = 0;
      child[name]!.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks[name].push(chunk);
        while (size > MAX_OUTPUT_BYTES && chunks[name].length > 1) size -= chunks[name].shift()!.length;
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const stdout = Buffer.concat(chunks.stdout).toString();
      const stderr = Buffer.concat(chunks.stderr).toString();
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`${file} ended with ${signal ?? code}: ${(stderr || stdout).slice(-ERROR_TAIL_CHARACTERS).trim()}`));
    });
  });
}
