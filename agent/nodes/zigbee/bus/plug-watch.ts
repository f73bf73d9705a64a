import type { Cancel, MonotonicClock } from '../../../system/clock.ts';
import type { PathIdentity } from '../../../system/paths.ts';

export interface PlugWatchDeps {
  clock: MonotonicClock;
  /** What stands at the stick's path; null: nothing. Never rejects. */
  identity(): Promise<PathIdentity | null>;
  /** A stick is in use. */
  isAtWork(): boolean;
  /** The next attempt is waited for. */
  isWaiting(): boolean;
  onGone(): void;
  onPlugged(): void;
}

/**
 * Looks at the path of the stick: one that was pulled is seen although its port says nothing, as it does when frames were coming in, and one that
 * was plugged in is used at once, whatever failed before.
 */
export interface PlugWatch {
  start(): void;
  stop(): void;
  /** An attempt begins, with what stands at the path now. */
  attempt(): Promise<void>;
}

/** One call of the file system. */
const LOOK_MS = 1_000;
/** A bad plug comes and goes several times in a second, and each start costs a second of the processor: these at once, then one in so long a time. */
const AT_ONCE = 10;
const REFILL_MS = 10_000;

export function createPlugWatch({ clock, identity, isAtWork, isWaiting, onGone, onPlugged }: PlugWatchDeps): PlugWatch {
  let used: PathIdentity | null = null;
  let isOn = false;
  let cancel: Cancel = () => {};
  let allowed = AT_ONCE;
  let countedMs = clock.nowMs();

  /** Whether one more start at once is allowed; it is counted then. */
  function take(): boolean {
    const nowMs = clock.nowMs();
    allowed = Math.min(AT_ONCE, allowed + (nowMs - countedMs) / REFILL_MS);
    countedMs = nowMs;
    if (allowed < 1) return false;
    allowed -= 1;
    return true;
  }

  async function look(): Promise<void> {
    const now = await identity();
    if (!isOn) return;
    if (now === null) {
      used = null;
      if (isAtWork()) onGone();
    } else if (used !== null && now.thing !== used.thing && isAtWork()) {
      // Pulled and plugged in again between two looks: what is open leads nowhere.
      used = null;
      onGone();
    } else if (now.state !== used?.state && isWaiting() && take()) {
      used = now;
      onPlugged();
    }
    if (isOn) cancel = clock.schedule(LOOK_MS, () => void look());
  }

  return {
    start() {
      if (isOn) return;
      isOn = true;
      cancel = clock.schedule(LOOK_MS, () => void look());
    },
    stop() {
      isOn = false;
      cancel();
    },
    async attempt() {
      used = await identity();
    },
  };
}
