import type { PartFiles } from '../release/part-file.ts';
import { takeTurn } from '../release/turn.ts';
import { type MonotonicClock, sleep } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { ProcessLock } from '../system/process-lock.ts';
import type { JobRef } from './job.ts';
import type { Releases } from './releases.ts';

/** One update at a time is prepared on a hub: by the agent, or by hubctl. */
export interface Turn {
  /** Waits until no other update is prepared, and none waits for the updater. The result gives the turn back. @throws when `signal` aborts */
  take(job: JobRef, signal: AbortSignal): Promise<() => void>;
  /** Gives the room of parts back that nobody needs any more; not while another update is prepared. Never throws. */
  discard(): Promise<void>;
}

export interface TurnDeps {
  /** The same in every program that prepares an update. */
  lock: ProcessLock;
  releases: Pick<Releases, 'isRequested'>;
  parts: Pick<PartFiles, 'keepOnly'>;
  clock: MonotonicClock;
  log: Log;
}

const LOOK_MS = 10_000;

export function createTurn({ lock, releases, parts, clock, log }: TurnDeps): Turn {
  const tryNow = () => takeTurn(lock, releases.isRequested);

  return {
    async take(job, signal) {
      for (let told = false; ; told = true) {
        signal.throwIfAborted();
        const free = await tryNow();
        if (typeof free === 'function') return free;
        if (!told) log.info({ event: 'update_waits', ...job }, 'another update is being prepared on this hub');
        await sleep(clock, LOOK_MS, signal);
      }
    },

    async discard() {
      const free = await tryNow().catch(() => null);
      if (typeof free !== 'function') return;
      // There is no folder, or the disk fails: then there is nothing to give back.
      await parts.keepOnly(new Set()).catch(() => {});
      free();
    },
  };
}
