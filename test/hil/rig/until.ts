const LOOK_MS = 20;

/** Something that changes: its listener is called after each change. */
export type Subscribe = (listener: () => void) => () => void;

/**
 * Resolves with the first value of `look` that is neither null, undefined nor false, looked at now and after each change. Rejects when
 * nothing came within `timeoutMs`: the bound is for a test that would hang, not a measurement, and ends before the test runner's own.
 */
export function until<T>(subscribe: Subscribe, what: string, look: () => T | null | undefined | false, timeoutMs = 240_000): Promise<T> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const unsubscribe = subscribe(() => check());
    const timer = setTimeout(() => end(() => reject(new Error(`${what}: not seen within ${timeoutMs} ms`))), timeoutMs);
    function end(finish: () => void): void {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      queueMicrotask(() => unsubscribe());
      finish();
    }
    function check(): void {
      if (settled) return;
      try {
        const value = look();
        if (value !== null && value !== undefined && value !== false) end(() => resolve(value));
      } catch (error) {
        end(() => reject(error));
      }
    }
    check();
  });
}

/** Looks at what has no events, such as a file of another process: again and again, until it is so. */
export function seen(what: string, look: () => unknown): Promise<boolean> {
  const often: Subscribe = (listener) => {
    const timer = setInterval(listener, LOOK_MS);
    return () => clearInterval(timer);
  };
  return until(often, what, () => Boolean(look()));
}

/** A set of listeners that one thing calls. */
export function createSignal(): { subscribe: Subscribe; fire: () => void } {
  const listeners = new Set<() => void>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    fire() {
      for (const listener of [...listeners]) listener();
    },
  };
}
