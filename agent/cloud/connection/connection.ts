import type { ConnectionPhase, DownReason, WaitReason } from '../../contract/cloud.ts';

/**
 * The connection as a pure machine: `(state, event, random) → (state, effects)`.
 *
 *   stopped ─start─▶ waiting ─timer─▶ connecting ─up─▶ connected ─settled─▶ connected (backoff forgotten)
 *                      ▲  ▲              │ down            │ down
 *                      │  └──────────────┴─────────────────┘
 *                      └ no clock yet: asked again every second
 *
 * A link that fell before it settled counts as a failure: being kicked after every successful connect must not become a storm.
 *
 * How long it waits depends on who failed:
 * - The server said no, or ended a fresh link: exponential backoff with full jitter, up to `maxBackoffMs`.
 * - The endpoint does not answer, and many hubs may be in the same position: between `spreadMs` and `maxUnreachableBackoffMs`. Such an attempt costs no one
 *   anything, and a fleet that tries at a steady rate meets the server that comes back at that rate; full jitter would double the rate of the
 *   first seconds, and a low first ceiling would gather the fleet.
 * - Power came back, or the other side ended a settled link: spread over `spreadMs`, likewise for the others' sake.
 * - A settled link fell silent: tried again at once; each hub finds that at its own next ping.
 * - The library gave up before it touched the network: tried again at once, one time.
 */
export interface ConnectionConfig {
  /** Ways to the endpoint, best first: 8883, then 443. */
  targets: number;
  /** The first connect after start, and the first after the other side ended a settled link, is spread over this time, so that a power cut
   * or an outage of a whole site or region is no storm. Milliseconds; 0 switches the care for others off. */
  spreadMs: number;
  minBackoffMs: number;
  maxBackoffMs: number;
  /** The ceiling while the endpoint does not answer; above `spreadMs`. The two set how many hubs a limit of CONNECTs a second can serve. */
  maxUnreachableBackoffMs: number;
  /** A link that stood this long has settled: the backoff starts from the beginning. */
  settleMs: number;
}

export interface ConnectionState {
  phase: ConnectionPhase;
  waitReason: WaitReason | null;
  /** Failures in a row since the last settled link: those without an answer, or those with one. */
  failures: number;
  /** Whether the last failure came with an answer. */
  answered: boolean;
  /** Failures in a row before any CONNACK of the target: the sign of a blocked port. */
  unanswered: number;
  /** Many hubs may fail as we do. Not after a change of our own network, until a link has settled. */
  fleetWide: boolean;
  /** Index of the target in use. */
  target: number;
  settled: boolean;
  lastDown: DownReason | null;
  /** The attempt in hand is the second one, made at once because the first did not touch the network. */
  repeated: boolean;
  /** Monotonic time at or after the last CONNECT, null before the first. */
  lastConnectMs: number | null;
}

export type ConnectionEvent =
  /** `processRestart`: only this process was started anew, not a whole site after a power cut. */
  | { type: 'start'; clockTrusted: boolean; processRestart?: boolean }
  | { type: 'stop' }
  /** The timer that the machine asked for. */
  | { type: 'timer'; clockTrusted: boolean }
  | { type: 'up' }
  /** `unsent`: the library may have given up before it touched the network. */
  | { type: 'down'; reason: DownReason; unsent?: boolean }
  /** The network changed (Wi-Fi): try now, without the backoff. */
  | { type: 'reconnectNow'; clockTrusted: boolean };

export type ConnectionEffect =
  | { type: 'connect'; target: number }
  | { type: 'close' }
  /** Replaces the timer before. */
  | { type: 'timer'; delayMs: number }
  | { type: 'cancelTimer' };

export interface ConnectionStep {
  state: ConnectionState;
  effects: ConnectionEffect[];
}

/** TLS needs a date: asked again so often until the clock can be trusted. */
export const CLOCK_POLL_MS = 1_000;
/** AWS IoT allows one CONNECT a second for a client id; twice that leaves room for clocks and queues. */
export const MIN_CONNECT_GAP_MS = 2_000;
/** Another client uses our client id: neither side should win by speed. */
export const TAKEN_OVER_BACKOFF_MS = 60_000;
/** The library answers a connect within 20 s for TCP and TLS and 20 s for the CONNACK; one that is silent for longer is given up. */
export const CONNECT_DEADLINE_MS = 60_000;
/** An attempt that ends without having touched the network does so in some milliseconds; a busy hub is slower to hear of it. */
const UNSENT_WITHIN_MS = 1_000;
/** After so many failures without a CONNACK the next target is tried. */
const FAILURES_BEFORE_FALLBACK = 2;
/** Some jitter is left between `spreadMs` and the unreachable ceiling, however they are set: at least a tenth of the ceiling. */
const MAX_STEADY_SHARE = 0.9;

/** The machine before `start`. */
export function initialConnection(): ConnectionState {
  return {
    phase: 'stopped',
    waitReason: null,
    failures: 0,
    answered: false,
    unanswered: 0,
    fleetWide: false,
    target: 0,
    settled: false,
    lastDown: null,
    repeated: false,
    lastConnectMs: null,
  };
}

/** One step. `nowMs` is monotonic, `random` in [0, 1). */
export function connectionStep(
  config: ConnectionConfig,
  state: ConnectionState,
  event: ConnectionEvent,
  nowMs: number,
  random: number,
): ConnectionStep {
  switch (event.type) {
    case 'start':
      if (state.phase !== 'stopped') return { state, effects: [] };
      if (!event.clockTrusted) return wait(state, 'clock_unsynced', CLOCK_POLL_MS);
      if (event.processRestart) return wait(state, 'backoff', gapMs(state, nowMs));
      return spread(config, state, nowMs, random);
    case 'stop':
      if (state.phase === 'stopped') return { state, effects: [] };
      return {
        state: { ...state, phase: 'stopped', waitReason: null, settled: false },
        effects: [{ type: 'cancelTimer' }, { type: 'close' }],
      };
    case 'timer':
      if (state.phase === 'waiting') return onWaited(config, state, event.clockTrusted, nowMs, random);
      // The settle time is over: the link has proven itself.
      if (state.phase === 'connected')
        return { state: { ...state, settled: true, failures: 0, fleetWide: config.spreadMs > 0 }, effects: [] };
      if (state.phase === 'connecting') return giveUp(config, state, nowMs, random);
      return { state, effects: [] };
    case 'up':
      if (state.phase !== 'connecting') return { state, effects: [] };
      return {
        // The CONNECT went out after the handshakes, at an unknown moment before its answer.
        state: { ...state, phase: 'connected', settled: false, unanswered: 0, lastConnectMs: nowMs },
        effects: [{ type: 'timer', delayMs: config.settleMs }],
      };
    case 'down':
      if (wouldRepeat(state, event, nowMs)) return connect({ ...state, repeated: true }, nowMs);
      return onDown(config, state, event.reason, nowMs, random);
    case 'reconnectNow':
      return onReconnectNow(state, event.clockTrusted, nowMs);
  }
}

function wait(state: ConnectionState, waitReason: WaitReason, delayMs: number): ConnectionStep {
  return {
    state: { ...state, phase: 'waiting', waitReason, settled: false },
    effects: [{ type: 'timer', delayMs: Math.round(delayMs) }],
  };
}

function spread(config: ConnectionConfig, state: ConnectionState, nowMs: number, random: number): ConnectionStep {
  return wait({ ...state, fleetWide: config.spreadMs > 0 }, 'spread', Math.max(gapMs(state, nowMs), config.spreadMs * random));
}

function connect(state: ConnectionState, nowMs: number): ConnectionStep {
  return {
    state: { ...state, phase: 'connecting', waitReason: null, settled: false, lastConnectMs: nowMs },
    effects: [
      { type: 'connect', target: state.target },
      { type: 'timer', delayMs: CONNECT_DEADLINE_MS },
    ],
  };
}

function giveUp(config: ConnectionConfig, state: ConnectionState, nowMs: number, random: number): ConnectionStep {
  const failed = onDown(config, state, 'network', nowMs, random);
  return { state: failed.state, effects: [{ type: 'close' }, ...failed.effects] };
}

/** Nothing was sent and no limit is touched: the attempt is made again at once, but only once. */
export function wouldRepeat({ phase, repeated, lastConnectMs }: ConnectionState, { unsent }: { unsent?: boolean }, nowMs: number): boolean {
  return unsent === true && phase === 'connecting' && !repeated && nowMs - (lastConnectMs ?? nowMs) <= UNSENT_WITHIN_MS;
}

/** Milliseconds until AWS takes another CONNECT of this client id. */
function gapMs(state: ConnectionState, nowMs: number): number {
  return state.lastConnectMs === null ? 0 : Math.max(0, Math.ceil(state.lastConnectMs + MIN_CONNECT_GAP_MS - nowMs));
}

function onWaited(config: ConnectionConfig, state: ConnectionState, clockTrusted: boolean, nowMs: number, random: number): ConnectionStep {
  if (!clockTrusted) return wait(state, 'clock_unsynced', CLOCK_POLL_MS);
  // Many hubs get their time in the same moment, from the same server.
  if (state.waitReason === 'clock_unsynced') return spread(config, state, nowMs, random);
  return connect({ ...state, repeated: false }, nowMs);
}

function onDown(config: ConnectionConfig, state: ConnectionState, reason: DownReason, nowMs: number, random: number): ConnectionStep {
  if (state.phase === 'connected') return onFallen(config, state, reason, nowMs, random);
  if (state.phase !== 'connecting') return { state, effects: [] };
  const unanswered = reason === 'network' || reason === 'tls' || reason === 'closed' ? state.unanswered + 1 : 0;
  const unreached = reason === 'network' || reason === 'closed';
  const switches = unanswered >= FAILURES_BEFORE_FALLBACK;
  const next: ConnectionState = {
    ...state,
    lastDown: reason,
    failures: state.answered === unreached ? 1 : state.failures + 1,
    answered: !unreached,
    unanswered: switches ? 0 : unanswered,
    target: switches ? (state.target + 1) % config.targets : state.target,
    // Before TLS there was no CONNECT; at an answer it lies in the past, at most now.
    lastConnectMs: reason === 'network' || reason === 'tls' ? state.lastConnectMs : nowMs,
  };
  return wait(
    next,
    'backoff',
    Math.max(gapMs(next, nowMs), unreached ? unreachableMs(config, next, random) : backoffMs(config, next, random)),
  );
}

function onFallen(config: ConnectionConfig, state: ConnectionState, reason: DownReason, nowMs: number, random: number): ConnectionStep {
  const failures = state.answered ? state.failures + 1 : 1;
  const next: ConnectionState = { ...state, lastDown: reason, answered: true, failures: state.settled ? 0 : failures };
  if (reason === 'taken_over') return wait(next, 'backoff', TAKEN_OVER_BACKOFF_MS * (1 + random));
  // Silence is found at each hub's own next ping, which is spread enough.
  if (state.settled && (reason === 'closed' || reason === 'kicked')) return spread(config, next, nowMs, random);
  return wait(next, 'backoff', Math.max(gapMs(state, nowMs), backoffMs(config, next, random)));
}

/** Full jitter below a ceiling that doubles with each failure. */
function backoffMs(config: ConnectionConfig, { failures }: ConnectionState, random: number): number {
  return random * Math.min(config.maxBackoffMs, ceilingMs(config, failures));
}

function unreachableMs(config: ConnectionConfig, { failures, fleetWide }: ConnectionState, random: number): number {
  const highest = Math.min(config.maxBackoffMs, config.maxUnreachableBackoffMs);
  if (!fleetWide) return random * Math.min(highest, ceilingMs(config, failures));
  const lowest = Math.min(config.spreadMs, highest * MAX_STEADY_SHARE);
  return lowest + random * (highest - lowest);
}

const ceilingMs = (config: ConnectionConfig, failures: number) => config.minBackoffMs * 2 ** Math.min(Math.max(0, failures - 1), 16);

function onReconnectNow(state: ConnectionState, clockTrusted: boolean, nowMs: number): ConnectionStep {
  if (!clockTrusted || state.phase === 'stopped') return { state, effects: [] };
  const fresh = { ...state, failures: 0, unanswered: 0, fleetWide: false, target: 0 };
  const step = wait(fresh, 'backoff', gapMs(state, nowMs));
  return state.phase === 'waiting' ? step : { state: step.state, effects: [{ type: 'close' }, ...step.effects] };
}
