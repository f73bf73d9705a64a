import { HubError } from '../../system/errors.ts';
import type { Session } from './session.ts';

/** Proof that the cloud can be reached, now. */
export interface Reachability {
  /** A session has its birth acknowledged. */
  born(): void;
  /** Resolves with the next proof; `fresh`: with that of a session that began after this call. @throws HubError `aborted` when the signal comes first */
  reachable(signal: AbortSignal, options?: { fresh?: boolean }): Promise<void>;
}

export function createReachability({
  session,
  reconnectNow,
}: {
  session(): Pick<Session, 'confirm'> | null;
  reconnectNow(): void;
}): Reachability {
  let waiting: (() => void)[] = [];
  return {
    born() {
      for (const resolve of waiting) resolve();
    },

    reachable(signal, { fresh = false } = {}) {
      return new Promise((resolve, reject) => {
        let done = false;
        const finish = (how: () => void) => {
          if (done) return;
          done = true;
          waiting = waiting.filter((listener) => listener !== onBorn);
          signal.removeEventListener('abort', onAbort);
          how();
        };
        const onBorn = () => finish(resolve);
        const onAbort = () => finish(() => reject(new HubError('aborted', 'the cloud was not reached in time', { cause: signal.reason })));
        if (signal.aborted) return onAbort();
        waiting.push(onBorn);
        signal.addEventListener('abort', onAbort, { once: true });
        const present = session();
        if (!present || fresh) reconnectNow();
        // The session may have ended unnoticed: an acknowledged publish proves it.
        else present.confirm().then(onBorn, () => done || reconnectNow());
      });
    },
  };
}
