import type { ZigbeeAdapter } from '../../../contract/zigbee.ts';
import type { Cancel, MonotonicClock } from '../../../system/clock.ts';
import type { ZigbeeProcess } from '../process/process.ts';
import { CHECK_MISSES, CHECK_MS, LIMITS } from './options.ts';

export interface WatchDeps {
  adapter: ZigbeeAdapter;
  clock: MonotonicClock;
  /** The process, while the network is up. */
  library(): ZigbeeProcess | null;
  onFailed(reason: 'reset' | 'silent', message: string): void;
}

/** Asks the coordinator now and then, while the network is up: a stick that was pulled, reset or fell silent may not tell. */
export interface Watch {
  start(): void;
  stop(): void;
}

export function createWatch({ adapter, clock, library, onFailed }: WatchDeps): Watch {
  let misses = 0;
  let cancel: Cancel = () => {};
  // Of the other families it is not known that they answer for themselves; the question is written to their port all the same.
  const isJudged = adapter === 'zstack';

  function check(): void {
    const own = library();
    const fail = (reason: 'reset' | 'silent', message: string) => {
      if (own !== null && library() === own && isJudged) onFailed(reason, message);
    };
    own?.request({ do: 'check' }, LIMITS.check).then(
      ({ state }) => {
        misses = 0;
        if (state === 'reset') fail('reset', 'the coordinator was reset by itself: the network is started anew');
      },
      () => {
        misses += 1;
        if (misses >= CHECK_MISSES) fail('silent', 'the coordinator does not answer any more');
      },
    );
    cancel = clock.schedule(CHECK_MS, check);
  }

  return {
    start() {
      misses = 0;
      cancel();
      cancel = clock.schedule(CHECK_MS, check);
    },
    stop: () => cancel(),
  };
}
