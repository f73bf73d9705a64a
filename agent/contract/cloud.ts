/** What the Shadow service is known to hold of the hub's own state. */
export interface ShadowConfirmation {
  /** When it last confirmed the whole reported state, epoch milliseconds; null: not since start. */
  confirmedAt: number | null;
  /** Milliseconds since when it lacks something that the hub has to say, as far as is known; null: nothing, or no session. */
  unconfirmedMs: number | null;
  /** Code of the last request's failure since then (`cloud_timeout`, `cloud_refused`, `shadow_too_large`, …); null: none. */
  lastFailure: string | null;
}

/** The state of the connection, for `server_info`, the log and local tools. */
export interface CloudFacts {
  endpoint: string;
  port: number;
  phase: 'stopped' | 'waiting' | 'connecting' | 'connected';
  /** `clock_unsynced`, `spread` or `backoff` while it waits. */
  waitReason: string | null;
  /** Milliseconds until it connects, at the earliest, while it waits; null otherwise. Not told by an older agent. */
  nextAttemptMs?: number | null;
  /** Why the last link ended or was not made (`DownReason`). */
  lastDown: string | null;
  /** How often another client came with this hub's client id: a copy of its certificate is in use somewhere. */
  takeovers: number;
  session: string | null;
  sessionAgeMs: number | null;
  /** Sessions since start, less the first. */
  reconnectCount: number;
  /** Operations that the cloud refuses to this Thing. */
  leftOut: string[];
  /** What the Shadow service is known to hold of the hub's own state. Not told by an older agent. */
  shadow?: ShadowConfirmation;
}
