import type { ErrorCode } from '../system/errors.ts';

/** Where the connection stands. `stopped`: not started, ended, or left to the proof of a Wi-Fi change. */
export type ConnectionPhase = 'stopped' | 'waiting' | 'connecting' | 'connected';

/**
 * Why the connection waits: the clock is not set (`clock_unsynced`), a random time after a start or an outage (`spread`), or the time after a failed
 * attempt (`backoff`).
 */
export type WaitReason = 'clock_unsynced' | 'spread' | 'backoff';

/** Why a link could not be made or ended. Stable words: decide by them, log them. */
export type DownReason =
  /** Name, TCP or timeout before TLS: the network, or a blocked port. */
  | 'network'
  /** The TLS handshake failed: certificate, key, CA or clock. */
  | 'tls'
  /** CONNACK with an error. */
  | 'refused'
  /** Another client came with our client id. */
  | 'taken_over'
  /** The server ended it with a DISCONNECT. */
  | 'kicked'
  /** The server ended it because we did what the Thing's policy forbids. */
  | 'unauthorized'
  /** No PINGRESP in time, or the server heard nothing of us. */
  | 'keepalive'
  /** The connection broke. */
  | 'closed'
  /** We ended it. */
  | 'local';

/**
 * Operations that a Thing's policy can refuse, each by itself: the success of one must not excuse another. AWS IoT answers a refusal by ending the
 * connection: done again after each reconnect, it would be an endless loop.
 */
export type GuardedOperation =
  | 'presence_subscribe'
  | 'presence_publish'
  | 'deltas'
  | 'executions'
  | 'jobs'
  | 'jobs_publish'
  | 'result_publish'
  | 'response_publish'
  | 'shadow_read'
  | 'shadow_update';

/** What the Shadow service is known to hold of the hub's own state. */
export interface ShadowConfirmation {
  /** When it last confirmed the whole reported state, epoch milliseconds; null: not since start. */
  confirmedAt: number | null;
  /** Milliseconds since when it lacks something that the hub has to say, as far as is known; null: nothing, or no session. */
  unconfirmedMs: number | null;
  /** Code of the last request's failure since then (`cloud_timeout`, `cloud_refused`, `shadow_too_large`, …); null: none. */
  lastFailure: ErrorCode | null;
}

/** The state of the connection, for `server_info`, the log and local tools. */
export interface CloudFacts {
  endpoint: string;
  port: number;
  phase: ConnectionPhase;
  /** While it waits. */
  waitReason: WaitReason | null;
  /** Milliseconds until it connects, at the earliest, while it waits; null otherwise. Absent from an older agent. */
  nextAttemptMs?: number | null;
  /** Why the last link ended or was not made. */
  lastDown: DownReason | null;
  /** How often another client came with this hub's client id: a copy of its certificate is in use somewhere. */
  takeovers: number;
  session: string | null;
  sessionAgeMs: number | null;
  /** Sessions since start, less the first. */
  reconnectCount: number;
  /** Operations that the cloud refuses to this Thing. */
  leftOut: GuardedOperation[];
  /** What the Shadow service is known to hold of the hub's own state. Absent from an older agent. */
  shadow?: ShadowConfirmation;
}
