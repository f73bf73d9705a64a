import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { HubQuestions } from './hub.ts';

const ASK_MS = 500;
const ANSWER_MS = 2_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** Asks an agent that runs on this machine: over its control socket, as hubctl does, and the kernel about its process. */
export function askOverSocket(socketPath: string): HubQuestions {
  return { everyMs: ASK_MS, ask: (path) => ask(socketPath, path), ticksOf };
}

/** User and system time in /proc/PID/stat (proc(5)), in ticks; null when there is no such process. */
async function ticksOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat === null ? null : ticksIn(stat);
}

/** User and system time in the text of /proc/PID/stat (proc(5)), in ticks. */
export function ticksIn(stat: string): number {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function ask(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: ANSWER_MS, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (text.length > MAX_ANSWER_BYTES) asked.destroy(new Error('the answer is too long'));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
    asked.end();
  });
}
