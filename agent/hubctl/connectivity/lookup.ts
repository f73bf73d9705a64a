import { spawn } from 'node:child_process';

/** `getaddrinfo` as the agent calls it, and its own time without the start of the process. */
const PROGRAM = `
const from = performance.now();
require('node:dns').lookup(process.argv[1], { all: true }, (error, found) => {
  const addresses = (found ?? []).map(({ address }) => address);
  process.stdout.write(JSON.stringify({ code: error?.code ?? null, message: error?.message ?? '', addresses, ms: performance.now() - from }));
});`;
const COMMAND = [process.execPath, '--input-type=commonjs', '-e', PROGRAM, '--'] as const;
const MAX_ANSWER = 64 * 1024;

/** What a name resolves to. Milliseconds. */
export interface Lookup {
  addresses: string[];
  ms: number;
}

/**
 * Resolves a name in a child process. A silent resolver holds `getaddrinfo` in a thread for up to half a minute, and a process waits for its
 * threads when it ends; a child is ended with `signal`. @throws Error with the code of `getaddrinfo`, or `ETIMEDOUT` after `signal`
 */
export function lookupApart(host: string, signal: AbortSignal, command: readonly [string, ...string[]] = COMMAND): Promise<Lookup> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, [...args, host], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    const fail = (code: string, message: string) => reject(Object.assign(new Error(message), { code }));
    const giveUp = () => {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      fail('ETIMEDOUT', 'the resolver does not answer');
    };
    signal.addEventListener('abort', giveUp, { once: true });
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      if (text.length < MAX_ANSWER) text += part;
    });
    child.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'UNKNOWN', error.message));
    child.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      try {
        const { code, message, addresses, ms } = JSON.parse(text) as Lookup & { code: string | null; message: string };
        if (code === null) resolve({ addresses, ms });
        else fail(code, message);
      } catch {
        fail('EAI_FAIL', 'the lookup ended without an answer');
      }
    });
    if (signal.aborted) giveUp();
  });
}
