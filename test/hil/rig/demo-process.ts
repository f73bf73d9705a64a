import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../../scripts/processes.ts';
import { createSignal, until } from './until.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../scripts/demo/main.ts', import.meta.url));
/** A start on a machine that is busy with other tests. */
const PATIENCE_MS = 100_000;

/** The demo as a process of its own, with a temporary folder of its own. */
export interface DemoProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it printed so far. */
  out(): string;
  errors(): string;
  /** Waits for this text in its output, from this place on. */
  untilPrinted(text: string | RegExp, since?: number): Promise<void>;
  /** Resolves with its exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** What it left: files in its temporary folder, and processes that it had started by the last `look`. */
  leftovers(): Promise<string[]>;
  /** Remembers every process that it has started so far. */
  look(): void;
}

/** Starts it without npm. */
export async function startDemo(...args: string[]): Promise<DemoProcess> {
  return start([process.execPath, MAIN, ...args]);
}

export const startDemoByNpm = (...args: string[]) => start(['npm', 'run', 'demo', '--', ...args]);

async function start([program, ...args]: string[]): Promise<DemoProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-demo-'));
  // npm's own cache in the temporary folder is none of the demo's.
  const child = spawn(program!, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  const printed = createSignal();
  const family = new Set<number>();
  let out = '';
  let errors = '';
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    out += part;
    printed.fire();
  });
  child.stderr!.setEncoding('utf8').on('data', (part: string) => {
    errors += part;
  });
  const exited = new Promise<number | string>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal ?? -1)));
  return {
    child,
    out: () => out,
    errors: () => errors,
    async untilPrinted(text, since = 0) {
      const seen = until(printed.subscribe, `the demo printing ${text}`, () => out.slice(since).search(text) >= 0, PATIENCE_MS);
      const ended = exited.then((code) => Promise.reject(new Error(`the demo ended with ${code}: ${out}${errors}`)));
      ended.catch(() => {});
      await Promise.race([seen, ended]);
    },
    exited,
    look() {
      for (const pid of descendants(child.pid!)) family.add(pid);
    },
    async leftovers() {
      const left = async () => [
        ...(await readdir(folder)),
        ...[...family]
          .filter((pid) => isAlive(pid) && !isZombie(pid))
          .map((pid) => `process ${pid} ${readOrEmpty(`/proc/${pid}/cmdline`)}`),
      ];
      // What was killed at the very end may need a moment until the kernel has taken it away.
      for (let tries = 0; tries < 100 && (await left()).length > 0; tries += 1) await sleep(100);
      return left();
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

const isZombie = (pid: number) => / [ZX] /.test(readOrEmpty(`/proc/${pid}/stat`).replace(/^.*\)/, ''));

function descendants(pid: number): number[] {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).trim();
  return children === '' ? [] : children.split(/\s+/).flatMap((child) => [Number(child), ...descendants(Number(child))]);
}
