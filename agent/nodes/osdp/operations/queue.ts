import { HubError } from '../../../system/errors.ts';
import type { Line } from '../port/line.ts';

/** Work that has the line for itself. It throws a HubError for what it cannot do. */
export type LineWork<T> = (line: Line) => Promise<T>;

/** What was asked for on the hub and waits for the line: done one after the other, each between two poll cycles. */
export interface OperationQueue {
  /** @throws HubError `busy`, `bus_unavailable`, `aborted` (only before it began), and what the work throws. */
  add<T>(work: LineWork<T>, signal: AbortSignal): Promise<T>;
  /** Does the oldest one; nothing when there is none. Never throws. */
  runOne(line: Line): Promise<void>;
  waiting(): boolean;
  /** The port is gone: waiting work is refused. */
  reject(message: string): void;
}

interface Waiting {
  run(line: Line): Promise<void>;
  refuse(error: HubError): void;
}

/** More terminals than work on one bus at a time. */
const MAX_WAITING = 8;

/** `onAdd` is called when there is something to do. */
export function createOperationQueue(onAdd: () => void): OperationQueue {
  const queue: Waiting[] = [];

  return {
    add<T>(work: LineWork<T>, signal: AbortSignal) {
      return new Promise<T>((resolve, reject) => {
        if (queue.length >= MAX_WAITING) return reject(new HubError('busy', 'too much waits for this bus already'));
        const abort = () => {
          queue.splice(queue.indexOf(waiting), 1);
          reject(new HubError('aborted', 'it was no longer wanted; nothing was done'));
        };
        const waiting: Waiting = {
          run(line) {
            signal.removeEventListener('abort', abort);
            return work(line).then(resolve, reject);
          },
          refuse(error) {
            signal.removeEventListener('abort', abort);
            reject(error);
          },
        };
        if (signal.aborted) return reject(new HubError('aborted', 'it was no longer wanted; nothing was done'));
        signal.addEventListener('abort', abort, { once: true });
        queue.push(waiting);
        onAdd();
      });
    },

    async runOne(line) {
      await queue.shift()?.run(line);
    },

    waiting: () => queue.length > 0,

    reject(message) {
      for (const waiting of queue.splice(0)) waiting.refuse(new HubError('bus_unavailable', message));
    },
  };
}
