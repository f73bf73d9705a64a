import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { type Guest, quoted } from './guest.ts';

/** A command at the prompt may take this long. */
const COMMAND_TIMEOUT_MS = 600_000;

/**
 * A root shell in the guest, a line at a time; the working folder stays. Ends with `exit`, at the end of input, or when the signal aborts.
 */
export async function runShell(guest: Guest, input: Readable, output: Writable, signal: AbortSignal): Promise<void> {
  const lines = createInterface({ input, output, prompt: 'hub# ' });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  // At a terminal the line editor takes Ctrl-C for itself.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  let folder = '/root';
  try {
    lines.prompt();
    for await (const line of lines) {
      if (line.trim() === 'exit') break;
      const script = `cd ${quoted(folder)}\n${line}\ncode=$?; pwd > /run/virtual-hub/folder; exit $code`;
      const { exitCode, stdout, stderr } = await guest.run(script, { timeoutMs: COMMAND_TIMEOUT_MS });
      output.write(stdout + stderr + (exitCode === 0 ? '' : `(exit code ${exitCode})\n`));
      if (/\bcd\b/.test(line)) folder = (await guest.must('cat /run/virtual-hub/folder')).trim();
      lines.prompt();
    }
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
  }
}
