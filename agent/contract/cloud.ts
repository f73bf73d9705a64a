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
}
