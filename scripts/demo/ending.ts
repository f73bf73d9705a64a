import { constants } from 'node:os';

/** Why the demo ends before it is done by itself. */
export type EndReason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'output closed' | 'npm ended';

/** The one place that says when to end: signals, and a reader that is gone. */
export interface Ending {
  readonly signal: AbortSignal;
  /** Resolves when the end was asked for. */
  readonly asked: Promise<void>;
  readonly reason: EndReason | null;
}

/** npm passes SIGINT and SIGTERM on, and dies of SIGHUP and SIGKILL without a word. */
const PARENT_CHECK_MS = 500;
const SIGNAL_OF: Record<EndReason, keyof typeof constants.signals> = {
  SIGINT: 'SIGINT',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP',
  'output closed': 'SIGPIPE',
  'npm ended': 'SIGHUP',
};
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Listens until the process ends: a second Ctrl-C, or the one that npm passes on besides the terminal's, must not cut the cleaning up.
 * A terminal or pipe that is closed (EPIPE, EIO) ends the demo as a signal does; nothing that is written to it afterwards throws.
 */
export function watchEnds(process: NodeJS.Process): Ending {
  const abort = new AbortController();
  let reason: EndReason | null = null;
  const end = (why: EndReason) => {
    reason ??= why;
    abort.abort();
  };
  for (const name of SIGNALS) process.on(name, () => end(name));
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => end('output closed'));
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parent && end('npm ended'), PARENT_CHECK_MS).unref();
  return {
    signal: abort.signal,
    asked: new Promise((resolve) => abort.signal.addEventListener('abort', () => resolve(), { once: true })),
    get reason() {
      return reason;
    },
  };
}

/** The exit code that a shell shows for a program that the reason ended. */
export function exitCodeOf(reason: EndReason): number {
  return 128 + constants.signals[SIGNAL_OF[reason]];
}
