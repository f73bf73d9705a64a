import type { Cancel, MonotonicClock } from './clock.ts';
import { HubError } from './errors.ts';

export interface TimeoutOptions {
  /** Ends the wait early: it rejects with the signal's reason. When it has aborted already, the work is not begun. */
  signal?: AbortSignal;
  /** Once its signal has aborted, the work has this long to end by itself, and then counts. 0, the default: it is not waited for. */
  graceMs?: number;
}

/**
 * Waits at most `timeoutMs` for `work`. Then the answer is what `late` returns, or what it throws; the signal that the work was given aborts with
 * the thrown error, else with a HubError `aborted`. What the work does after that is ignored, also when it fails. Timers and listeners end with
 * the wait.
 */
export function within<T, L>(
  clock: MonotonicClock,
  timeoutMs: number,
  work: Promise<T> | ((signal: AbortSignal) => Promise<T>),
  late: () => L,
  { signal: outer, graceMs = 0 }: TimeoutOptions = {},
): Promise<T | L> {
  const ending = new AbortController();
  return new Promise<T | L>((resolve, reject) => {
    let cancel: Cancel = () => {};
    const release = () => {
      cancel();
      outer?.removeEventListener('abort', onOuter);
    };
    const giveUp = (reason: unknown, finish: () => void) => {
      release();
      if (graceMs > 0) cancel = clock.schedule(graceMs, finish);
      else finish();
      ending.abort(reason);
    };
    const onOuter = () => giveUp(outer!.reason, () => reject(outer!.reason));
    const onLate = () => {
      let value: L;
      try {
        value = late();
      } catch (error) {
        return giveUp(error, () => reject(error));
      }
      giveUp(new HubError('aborted', 'It took too long.'), () => resolve(value));
    };
    if (outer?.aborted) {
      // Work that goes on already may still fail.
      if (typeof work !== 'function') work.catch(() => {});
      return reject(outer.reason);
    }
    outer?.addEventListener('abort', onOuter, { once: true });
    cancel = clock.schedule(timeoutMs, onLate);
    begun(work, ending.signal).finally(release).then(resolve, reject);
  });
}

async function begun<T>(work: Promise<T> | ((signal: AbortSignal) => Promise<T>), signal: AbortSignal): Promise<T> {
  return typeof work === 'function' ? work(signal) : work;
}
