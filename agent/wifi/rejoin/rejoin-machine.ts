/** How long a radio that could join a network has to be idle. NetworkManager needs a few seconds from one attempt to the next. */
const IDLE_MS = 60_000;
/** Between two attempts of the agent: doubled each time, for a password that is wrong now stays so. */
const FIRST_PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 30 * 60_000;

/** What the looks since the last network have shown. Times are of the monotonic clock. */
export interface RejoinState {
  /** Null: the last look found a radio that is at work, or nothing to join. */
  idleSinceMs: number | null;
  attempts: number;
  lastAttemptMs: number | null;
}

/** Before the first look, and again on a network. */
export const NOTHING_SEEN: RejoinState = { idleSinceMs: null, attempts: 0, lastAttemptMs: null };

/**
 * What to do after a look while the cloud is not reached. `found`: how many networks could be joined, or that one is. `join`: the place in the list
 * of those networks, which are tried in turn; null: nothing yet.
 * NetworkManager 1.42 never tries a profile again by itself once it missed a secret, which one lost frame of the 4-way handshake
 * (IEEE 802.11-2020, 12.7.6) is enough for: it takes that for a wrong password and has nobody to ask for another (seen in the virtual hub).
 */
export function nextRejoin(state: RejoinState, found: number | 'joined', nowMs: number): { state: RejoinState; join: number | null } {
  if (found === 'joined') return { state: NOTHING_SEEN, join: null };
  if (found === 0) return { state: { ...state, idleSinceMs: null }, join: null };
  const idleSinceMs = state.idleSinceMs ?? nowMs;
  const { attempts, lastAttemptMs } = state;
  const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  const isPaused = lastAttemptMs !== null && nowMs - lastAttemptMs < pauseMs;
  if (nowMs - idleSinceMs < IDLE_MS || isPaused) return { state: { ...state, idleSinceMs }, join: null };
  return { state: { idleSinceMs: null, attempts: attempts + 1, lastAttemptMs: nowMs }, join: attempts % found };
}
