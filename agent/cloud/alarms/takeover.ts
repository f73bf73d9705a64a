/**
 * The time in which another client may have spoken for this hub, by the cloud's clock alone, in epoch seconds as the Shadow service stamps
 * them:
 *
 *   from   the `timestamp` of the last shadow message that the session heard before another client took its place: until then it was ours
 *   until  the `timestamp` of the first answer to a read in the session after that: by then it is ours again; null until then
 *
 * Both ends belong to it. A takeover before the last one has been settled, and any later one, extends the time; commands from between are
 * long decided, since the hub takes a command within a second while it is connected.
 */
export interface TakeoverWindow {
  from: number;
  until: number | null;
  /** The last takeover, epoch milliseconds of the hub's clock. */
  at: number;
}

/** The window after one more takeover. `heard`: the newest timestamp heard in the session that ended; 0: none. */
export function takenOver(window: TakeoverWindow | null, heard: number, wallMs: number): TakeoverWindow {
  return { from: window?.from ?? heard, until: null, at: wallMs };
}

/** The window after the shadow was read. A shadow that does not exist has no timestamp, and nothing stands in it. */
export function readAgain(window: TakeoverWindow | null, timestampSeconds: number): TakeoverWindow | null {
  if (!window || window.until !== null || timestampSeconds === 0) return window;
  return { ...window, until: timestampSeconds };
}

/** Whether what was written at this time (the metadata's `timestamp`) may be another client's. */
export function covers(window: TakeoverWindow | null, writtenAt: number): boolean {
  return window !== null && writtenAt >= window.from && (window.until === null || writtenAt <= window.until);
}
