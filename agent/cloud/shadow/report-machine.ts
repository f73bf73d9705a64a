import type { ShadowUpdate } from '../../contract/shadow.ts';
import { answered, failed } from './report-answers.ts';
import {
  COMPARE_MS,
  GREET_MS,
  GREETING_MS,
  type InFlight,
  type Job,
  OFFLINE_SETTLES_SECONDS,
  REASSURE_MS,
  RETRY_MS,
  type ReportConfig,
  type ReportEffect,
  type ReportEvent,
  type ReportState,
  ROOMY_BYTES,
} from './report-state.ts';
import { askRead, compareSoon, confirm, greet, nextHeartbeat, noLink, settled, shortened, soon, type Turn } from './report-turn.ts';
import { isVolatileOnly } from './reported-document.ts';
import { type Document, fullPatch, type Moment, patchTo, reportedDocument } from './reported-picture.ts';

/**
 * Presence and reports as a pure machine: `(state, event, moment) → (state, effects)`. It keeps the reported state true with few messages:
 *
 *   attach ─▶ asks for a read ─view─▶ held known ─▶ jobs and reports, one update at a time
 *                      │     ▲                        │ time-out: the outcome is unknown
 *                      │     └────────── read ◀───────┤ a version that is not ours; once a day
 *                      └ none for a while ─▶ greets beside the queue
 *
 * A report carries what differs from `held`; a heartbeat carries everything, so that what others deleted comes back with it. A connect costs one
 * read and one update: the requests of an account are few, and a fleet that comes back shares them.
 */
export function reportStep(
  config: ReportConfig,
  before: ReportState,
  event: ReportEvent,
  now: Moment,
): { state: ReportState; effects: ReportEffect[] } {
  const turn: Turn = { config, state: { ...before }, effects: [], now };
  take(turn, event);
  proceed(turn);
  return { state: turn.state, effects: turn.effects };
}

function take(turn: Turn, event: ReportEvent): void {
  const { state, now, effects } = turn;
  switch (event.type) {
    case 'attach':
      attach(turn, event.session);
      break;
    case 'detach':
      detach(turn);
      break;
    case 'view':
      view(turn, event);
      break;
    case 'throttled':
      throttled(turn, event.pauseMs);
      break;
    case 'heard':
      heard(turn, event.version);
      break;
    case 'set': {
      const keys = Object.keys(event.sections);
      state.sections = { ...state.sections, ...event.sections };
      state.quiet = event.quiet ? [...new Set([...state.quiet, ...keys])] : state.quiet.filter((key) => !keys.includes(key));
      if (!event.quiet) soon(turn);
      break;
    }
    case 'refresh':
      refresh(turn);
      break;
    case 'job':
      if (state.session === null) effects.push(settled(event.job, null, noLink()));
      else state.queue = [...state.queue, event.job];
      break;
    case 'goodbye':
      Object.assign(state, { leaving: true, reportDueMs: null, readDueMs: null, reassureDueMs: null });
      state.farewell = { untilMs: now.nowMs + GREETING_MS };
      break;
    case 'answered':
      answered(turn, event.op, event.version);
      break;
    case 'failed':
      failed(turn, event.op, event.error);
      break;
    case 'tick':
      tick(turn);
  }
}

function attach(turn: Turn, session: string): void {
  const { state, now } = turn;
  Object.assign(state, {
    session,
    leaving: false,
    spoken: false,
    greeted: false,
    forced: true,
    failures: 0,
    squeeze: 0,
    held: null,
    version: null,
  });
  state.unconfirmedSinceMs = now.nowMs;
  state.lastFailure = null;
  state.beatMs = shortened(turn.config.heartbeatMs, now);
  askRead(turn);
  state.reassureDueMs = now.nowMs + GREET_MS;
}

function detach({ state, effects }: Turn): void {
  const { inFlight, queue, farewell } = state;
  const jobs = inFlight && typeof inFlight.for === 'object' && inFlight.for !== null ? [inFlight.for, ...queue] : queue;
  for (const job of jobs) effects.push(settled(job, null, noLink()));
  if (farewell || inFlight?.for === 'farewell') effects.push({ type: 'farewell', error: noLink() });
  Object.assign(state, { session: null, held: null, version: null, queue: [], inFlight: null, greeting: null, farewell: null });
  Object.assign(state, { reportDueMs: null, readDueMs: null, reassureDueMs: null, unconfirmedSinceMs: null });
}

function view(turn: Turn, event: Extract<ReportEvent, { type: 'view' }>): void {
  const { state, now } = turn;
  const { reported, version, bytes } = event;
  if (state.session === null) return;
  if (state.held === null && !state.spoken && !state.leaving) state.reassureDueMs = isContested(event) ? now.nowMs + REASSURE_MS : null;
  Object.assign(state, { held: reported, version, failures: 0, lastViewMs: now.nowMs });
  if (state.inFlight) state.inFlight = { ...state.inFlight, viewed: version };
  if (!state.leaving) state.readDueMs = now.nowMs + COMPARE_MS;
  if (bytes <= ROOMY_BYTES) state.squeeze = 0;
  soon(turn);
}

/** The `offline` of a session before this one may still be written: it is shown online, or not offline for long. */
function isContested({ reported, onlineAgeSeconds }: Extract<ReportEvent, { type: 'view' }>): boolean {
  if (reported.session === undefined) return false;
  return reported.online === true || onlineAgeSeconds === null || onlineAgeSeconds < OFFLINE_SETTLES_SECONDS;
}

/** What the hub would say beside the read waits with it. */
function throttled(turn: Turn, pauseMs: number): void {
  const { state, now } = turn;
  if (state.session === null || state.held !== null || state.leaving) return;
  state.lastFailure = 'shadow_throttled';
  state.reassureDueMs = now.nowMs + pauseMs + GREET_MS;
  state.readDueMs = now.nowMs + pauseMs + RETRY_MS;
}

function heard(turn: Turn, version: number): void {
  const { state } = turn;
  if (state.held === null || state.version === null) return;
  // Our own update in flight may be the reason of a delta before its answer comes.
  if (version > state.version + (state.inFlight ? 2 : 1)) compareSoon(turn, `delta ${version} after ${state.version}`);
  state.version = Math.max(state.version, version);
}

function refresh(turn: Turn): void {
  const { state, now } = turn;
  state.forced = true;
  // We may be shown offline again: as at the beginning of a session, that waits for no long pause.
  state.greeted = false;
  state.failures = 0;
  if (state.session === null || state.leaving) return;
  if (state.held) soon(turn);
  else {
    greet(turn);
    askRead(turn);
  }
  state.reassureDueMs = now.nowMs + REASSURE_MS;
}

function tick(turn: Turn): void {
  const { state, now } = turn;
  if (state.session === null) return;
  if (state.readDueMs !== null && state.readDueMs <= now.nowMs) {
    if (state.held === null) state.failures += 1;
    askRead(turn);
  }
  if (state.reassureDueMs !== null && state.reassureDueMs <= now.nowMs) {
    state.reassureDueMs = null;
    state.forced = true;
    soon(turn);
    // Reads that are lost do not keep the hub offline: that it is here is said without them, again and again.
    if (state.held === null) greet(turn);
  }
}

/** Carries on with what can be done now. */
function proceed(turn: Turn): void {
  const { state, now } = turn;
  if (state.session === null) return;
  const canLeave = state.farewell !== null && (state.greeting === null || state.farewell.untilMs <= now.nowMs);
  if (state.held === null) {
    // Jobs wait for a picture that may not come any more; the goodbye needs none.
    if (canLeave && state.inFlight === null) send(turn, 'farewell', {}, { online: false, session: state.session, lastSeen: now.wallMs });
    return;
  }
  while (state.inFlight === null) {
    const [job, ...queue] = state.queue;
    if (job) {
      state.queue = queue;
      begin(turn, job);
    } else if (canLeave && state.farewell) sendDocument(turn, 'farewell');
    else if (!state.leaving && state.reportDueMs !== null && state.reportDueMs <= now.nowMs) report(turn);
    else return;
  }
}

const CLEARED = { desired: { command: null, args: null } };

function begin(turn: Turn, job: Job): void {
  const { state } = turn;
  if (job.type === 'clear') {
    // What is said of the command counts only if it was cleared.
    const said = job.lastCommand && reportedDocument(pictureOf(turn), turn.now, { lastCommand: job.lastCommand });
    send(turn, job, { ...CLEARED, version: job.version }, said && patchTo(said, state.held, state.sections), said);
    return;
  }
  state.sections = { ...state.sections, lastCommand: job.lastCommand };
  const document = reportedDocument(pictureOf(turn), turn.now);
  // A refused command's answer went with its clear already.
  if (!state.forced && !isNews(state, patchTo(document, state.held, state.sections))) turn.effects.push(settled(job, null, null));
  else sendDocument(turn, job);
}

function report(turn: Turn): void {
  const { state, now, config } = turn;
  state.reportDueMs = null;
  const document = reportedDocument(pictureOf(turn), now);
  const patch = patchTo(document, state.held, state.sections);
  const heartbeat = now.nowMs - state.lastReportMs >= state.beatMs;
  if (heartbeat) {
    if (state.greeted) state.beatMs = config.heartbeatMs;
    send(turn, null, {}, fullPatch(patch, document), document);
  } else if (state.forced || isNews(state, patch)) send(turn, null, {}, patch, document);
  else {
    state.failures = 0;
    confirm(turn);
    nextHeartbeat(state);
  }
}

function sendDocument(turn: Turn, what: Job | 'farewell'): void {
  const document = reportedDocument(pictureOf(turn), turn.now);
  send(turn, what, {}, patchTo(document, turn.state.held, turn.state.sections), document);
}

function send(turn: Turn, what: InFlight['for'], update: ShadowUpdate, patch: Document | null, document = patch): void {
  const { state, effects, now } = turn;
  const op = state.nextOp++;
  // `online` and `session` go with every report: they correct what a late will's rule wrote.
  const reported = patch && { ...patch, online: document?.online, session: document?.session };
  state.inFlight = {
    op,
    for: what,
    patch: reported,
    forced: state.forced,
    base: state.version,
    viewed: null,
    onlyUnconfirmed: state.unconfirmedSinceMs === null,
  };
  state.lastSentMs = now.nowMs;
  state.spoken = true;
  state.unconfirmedSinceMs ??= now.nowMs;
  if (reported) {
    state.forced = false;
    state.quiet = [];
  }
  if (what === 'farewell') state.farewell = null;
  effects.push({ type: 'send', op, update: { ...update, ...(reported && { reported }) } });
}

const isNews = ({ quiet }: ReportState, patch: Document) =>
  !isVolatileOnly(Object.fromEntries(Object.entries(patch).filter(([key]) => !quiet.includes(key))));

const pictureOf = ({ state: { sections, session, leaving, squeeze }, config: { identity } }: Turn) => ({
  identity,
  sections,
  session: session ?? '',
  online: !leaving,
  squeeze,
});
