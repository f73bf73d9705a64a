import type { LastCommand, ShadowUpdate } from '../../contract/shadow.ts';
import type { ErrorCode, HubError } from '../../system/errors.ts';
import type { Document, ReportedIdentity, ReportedSections } from './reported-picture.ts';

/** At most one report a second, however fast things change, also when they are refused. Commands are answered at once. */
export const MIN_REPORT_INTERVAL_MS = 1_000;
/** Ceiling of the pause before a report that was refused is tried again, doubled up to a maximum; between half and all of it is waited, so
 * that the hubs of a fleet do not come together. Until the first report of a session is taken, the hub is shown offline although it is not:
 * then the pauses stay short, unless the whole account is at its limit (`npm run bench -- storm`). */
export const RETRY_MS = 2_000;
export const MAX_FIRST_RETRY_MS = 10_000;
export const MAX_THROTTLED_RETRY_MS = 60_000;
export const MAX_RETRY_MS = 300_000;
/** A hub that could not read the shadow for so long says that it is here without having read it. Longer than an answer takes. */
export const GREET_MS = 2_000;
/**
 * The cloud's rule evaluates an old session's `offline` and writes it some time later, when it may stand over our `online` (AWS IoT rules are
 * asynchronous). The hub is not told of it: where the older session was shown online, or offline for a short time only, it reports once more
 * this long after its first report.
 */
export const REASSURE_MS = 10_000;
/** An `offline` that has stood so long, by the cloud's clock, has no second one behind it: longer than wills and rules take. */
export const OFFLINE_SETTLES_SECONDS = 60;
/** How long a goodbye waits for the acknowledgement of the first update of its session. */
export const GREETING_MS = 500;
/** The shadow is read and compared as a whole at least this often: others can change it without a message to the hub. */
export const COMPARE_MS = 86_400_000;
/** Another writer who never rests costs at most one read in this time. */
export const MIN_COMPARE_INTERVAL_MS = 60_000;
/** Pause before a comparison whose read was not answered is tried again. */
export const COMPARE_RETRY_MS = 900_000;
/** A shadow of at most this size has room for the whole reported state again. */
export const ROOMY_BYTES = 6 * 1024;

/** What a caller waits for: its command reported, or cleared from `desired` on the condition of a version. */
export type Job =
  | { type: 'report'; id: number; lastCommand: LastCommand }
  | { type: 'clear'; id: number; version: number; lastCommand: LastCommand | null };

/** An update that has no answer yet. */
export interface InFlight {
  op: number;
  /** Null: a report of its own. */
  for: Job | 'farewell' | null;
  /** Its part of the reported state; null: none. */
  patch: Document | null;
  /** A report was forced; it has to be again if this one fails. */
  forced: boolean;
  /** The version that it was made for: with the next one no other writer came in between. */
  base: number | null;
  /** The version of the shadow that was read meanwhile: it may hold the update already, and what others wrote after it. Null: none was. */
  viewed: number | null;
  /** Nothing else waited to be confirmed when it was sent. */
  onlyUnconfirmed: boolean;
}

export interface ReportState {
  /** The session that is attached; null: no link. */
  session: string | null;
  /** `offline` was published: no update on this link reports `online` any more, even if something changes while the agent stops. */
  leaving: boolean;
  sections: Partial<ReportedSections>;
  /** Sections whose change waits for the next report instead of causing one. */
  quiet: readonly string[];
  /** The reported state that the service holds; null while that is unknown. */
  held: Document | null;
  /** The newest version of the shadow that is known beside `held`. */
  version: number | null;
  /** An update of this session was sent: a view may show it. */
  spoken: boolean;
  /** The shadow shows this session online. */
  greeted: boolean;
  /** The next report is sent even if nothing differs: another writer may have changed our `online`. */
  forced: boolean;
  failures: number;
  squeeze: number;
  queue: readonly Job[];
  inFlight: InFlight | null;
  /** A word that the hub is here, without an answer yet. Sent beside the queue: it needs no picture of the shadow. */
  greeting: number | null;
  /** A goodbye that is not sent yet, and how long it waits for the greeting. */
  farewell: { untilMs: number } | null;
  nextOp: number;
  /** When an update was last sent, and a report last accepted. Monotonic. */
  lastSentMs: number;
  lastReportMs: number;
  lastViewMs: number;
  /** From a report to the next heartbeat. The first one of a session is shorter by chance: a fleet that came back together does not report together. */
  beatMs: number;
  reportDueMs: number | null;
  readDueMs: number | null;
  /** When the hub says once more, or without a picture of the shadow, that it is here. */
  reassureDueMs: number | null;
  /** Since when the service does not hold what the hub has to say, as far as is known; null: it does. Monotonic. */
  unconfirmedSinceMs: number | null;
  /** When the service last confirmed the whole reported state, epoch milliseconds. */
  confirmedAtMs: number | null;
  /** What the last request failed with, since then. */
  lastFailure: ErrorCode | null;
}

export type ReportEvent =
  | { type: 'attach'; session: string }
  | { type: 'detach' }
  /** The shadow as it was just read; `bytes`: its size as AWS counts it; `onlineAgeSeconds`: how long `online` stands as it is, null: not known. */
  | { type: 'view'; reported: Document; version: number; bytes: number; onlineAgeSeconds: number | null }
  /** The read was refused because the account is at its limit; it is tried again in so many milliseconds. */
  | { type: 'throttled'; pauseMs: number }
  /** A delta named this version. */
  | { type: 'heard'; version: number }
  | { type: 'set'; sections: Partial<ReportedSections>; quiet: boolean }
  /** An `offline` about this hub was published. */
  | { type: 'refresh' }
  | { type: 'job'; job: Job }
  | { type: 'goodbye' }
  | { type: 'answered'; op: number; version: number }
  | { type: 'failed'; op: number; error: HubError }
  /** The time of `dueMs` has come. */
  | { type: 'tick' };

export type ReportEffect =
  | { type: 'send'; op: number; update: ShadowUpdate }
  /** Asks for a fresh read of the shadow, which comes back as `view`; one that fails comes back as nothing. */
  | { type: 'read' }
  /** An update of ours was accepted. */
  | { type: 'accepted'; version: number }
  /** A job has ended. `error` null: it is done; `version`: of the update that did it, null when none was needed. */
  | { type: 'settle'; job: number; version: number | null; error: HubError | null }
  | { type: 'farewell'; error: HubError | null }
  | { type: 'log'; event: 'report_failed' | 'greeting_failed' | 'shadow_changed_by_others'; reason: string };

export interface ReportConfig {
  identity: ReportedIdentity;
  /** `lastSeen` and `uptimeSeconds` are refreshed at least so often. */
  heartbeatMs: number;
}

/** Before the first link. */
export function initialReport(): ReportState {
  return {
    session: null,
    leaving: false,
    sections: {},
    quiet: [],
    held: null,
    version: null,
    spoken: false,
    greeted: false,
    forced: false,
    failures: 0,
    squeeze: 0,
    queue: [],
    inFlight: null,
    greeting: null,
    farewell: null,
    nextOp: 1,
    lastSentMs: Number.NEGATIVE_INFINITY,
    lastReportMs: Number.NEGATIVE_INFINITY,
    lastViewMs: Number.NEGATIVE_INFINITY,
    beatMs: 0,
    reportDueMs: null,
    readDueMs: null,
    reassureDueMs: null,
    unconfirmedSinceMs: null,
    confirmedAtMs: null,
    lastFailure: null,
  };
}

/** When the machine needs its next `tick`, monotonic; null: never. */
export function dueMs(state: ReportState): number | null {
  if (state.session === null) return null;
  const mayReport = state.held !== null && state.inFlight === null && !state.leaving;
  const dues = [
    mayReport ? state.reportDueMs : null,
    state.readDueMs,
    state.reassureDueMs,
    state.farewell && state.greeting !== null ? state.farewell.untilMs : null,
  ].filter((due) => due !== null);
  return dues.length > 0 ? Math.min(...dues) : null;
}
