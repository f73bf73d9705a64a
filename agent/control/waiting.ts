import { type MonotonicClock, sleep } from '../system/clock.ts';
import { HEARTBEAT_MS } from './api.ts';

/** Sends `{"waiting":true}` every second until the work has ended, and gives what it gave. @throws the error of the work */
export async function whileWaiting<T>(clock: MonotonicClock, send: (value: unknown) => void, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const beat = async () => {
    while (!done.signal.aborted) {
      await sleep(clock, HEARTBEAT_MS, done.signal);
      if (!done.signal.aborted) send({ waiting: true });
    }
  };
  void beat();
  try {
    return await work;
  } finally {
    done.abort();
  }
}
