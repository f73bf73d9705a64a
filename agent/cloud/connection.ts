import type { DownReason } from './transport.ts';

/**
 * The connection as a pure machine: `(state, event, random) → (state, effects)`.
 *
 *   stopped ─start─▶ waiting ─timer─▶ connecting ─up─▶ connected ─settled─▶ connected (backoff forgotten)
 *                      ▲  ▲              │ down            │ down
 *                      │  └──────────────┴─────────────────┘
 *                      └ no clock yet: asked again every second
 *
 * A link that fell before it settled counts as a failure: being kicked after every successful connect must not become a storm.
 */
export type ConnectionPhase = 'stopped' | 'waiting' | 'connecting' | 'connected';

/** Why the machine waits; support reads it in the log and in `hubctl`. */
export type WaitReason = 'clock_unsynced' | 'spread' | 'backoff';

export interface ConnectionConfig {
  /** Ways to the endpoint, best first: 8883, then 443. */
  targets: number;
  /** The first connect after start, and the first after a settled link fell, is spread over this time, so that a power cut or an outage of
   * a whole site or region is no storm. Milliseconds. */
  spreadMs: number;
  minBackoffMs: number;
  maxBackoffMs: number;
  /** A link that stood this long has settled: the backoff starts from the beginning. */
  settleMs: number;
}

export interface ConnectionState {
  phase: ConnectionPhase;
  waitReason: WaitReason | null;
  /** Failures in a row since the last settled link. */
  failures: number;
  /** Failures in a row before TLS with the target: the sign of a blocked port. */
  networkFailures: number;
  /** Index of the target in use. */
  target: number;
  settled: boolean;
  lastDown: DownReason | null;
  /** Monotonic time of the last CONNECT, null before the first. */
  lastConnectMs: number | null;
}

export type ConnectionEvent =
  | { type: 'start'; clockTrusted: boolean }
  | { type: 'stop' }
  /** The timer that the machine asked for. */
  | { type: 'timer'; clockTrusted: boolean }
  | { type: 'up' }
  | { type: 'down'; reason: DownReason }
  /** The network changed under us (Wi-Fi): try now, whatever the backoff says. */
  | { type: 'hurry'; clockTrusted: boolean };

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
/** Somebody else uses our client id: neither side should win by speed. */
export const TAKEN_OVER_BACKOFF_MS = 60_000;
/** The library answers a connect within 20 s for TCP and TLS and 20 s for the CONNACK; one that is silent for longer is given up. */
export const CONNECT_DEADLINE_MS = 60_000;
/** After so many failures before TLS the next target is tried. */
export const FAILURES_BEFORE_FALLBACK = 2;

/** The machine before `start`. */
export function initialConnection(): ConnectionState {
  return {
    phase: 'stopped',
    waitReason: null,
    failures: 0,
    networkFailures: 0,
    target: 0,
    settled: false,
    lastDown: null,
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
      return wait(state, 'spread', config.spreadMs * random);
    case 'stop':
      if (state.phase === 'stopped') return { state, effects: [] };
      return {
        state: { ...state, phase: 'stopped', waitReason: null, settled: false },
        effects: [{ type: 'cancelTimer' }, { type: 'close' }],
      };
    case 'timer':
      if (state.phase === 'waiting') return onWaited(config, state, event.clockTrusted, nowMs, random);
      // The settle time is over: the link has proven itself.
      if (state.phase === 'connected') return { state: { ...state, settled: true, failures: 0 }, effects: [] };
      if (state.phase === 'connecting') return giveUp(config, state, nowMs, random);
      return { state, effects: [] };
    case 'up':
      if (state.phase !== 'connecting') return { state, effects: [] };
      return {
        state: { ...state, phase: 'connected', settled: false, networkFailures: 0 },
        effects: [{ type: 'timer', delayMs: config.settleMs }],
      };
    case 'down':
      return onDown(config, state, event.reason, nowMs, random);
    case 'hurry':
      return onHurry(state, event.clockTrusted, nowMs);
  }
}

function wait(state: ConnectionState, waitReason: WaitReason, delayMs: number): ConnectionStep {
  return {
    state: { ...state, phase: 'waiting', waitReason, settled: false },
    effects: [{ type: 'timer', delayMs: Math.round(delayMs) }],
  };
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

/** Milliseconds until AWS takes another CONNECT of this client id. */
function gapMs(state: ConnectionState, nowMs: number): number {
  return state.lastConnectMs === null ? 0 : Math.max(0, state.lastConnectMs + MIN_CONNECT_GAP_MS - nowMs);
}

function onWaited(config: ConnectionConfig, state: ConnectionState, clockTrusted: boolean, nowMs: number, random: number): ConnectionStep {
  if (!clockTrusted) return wait(state, 'clock_unsynced', CLOCK_POLL_MS);
  // Many hubs get their time in the same moment, from the same server.
  if (state.waitReason === 'clock_unsynced') return wait(state, 'spread', config.spreadMs * random);
  return connect(state, nowMs);
}

function onDown(config: ConnectionConfig, state: ConnectionState, reason: DownReason, nowMs: number, random: number): ConnectionStep {
  if (state.phase !== 'connecting' && state.phase !== 'connected') return { state, effects: [] };
  const fellSettled = state.phase === 'connected' && state.settled;
  const blocked = state.phase === 'connecting' && (reason === 'network' || reason === 'closed');
  let next: ConnectionState = {
    ...state,
    lastDown: reason,
    failures: fellSettled ? 0 : state.failures + 1,
    networkFailures: blocked ? state.networkFailures + 1 : 0,
  };
  if (next.networkFailures >= FAILURES_BEFORE_FALLBACK) {
    next = { ...next, networkFailures: 0, target: (next.target + 1) % config.targets };
  }
  const gap = gapMs(state, nowMs);
  if (reason === 'taken_over') return wait(next, 'backoff', TAKEN_OVER_BACKOFF_MS * (1 + random));
  if (fellSettled) return wait(next, 'spread', Math.max(gap, config.spreadMs * random));
  const ceiling = Math.min(config.maxBackoffMs, config.minBackoffMs * 2 ** Math.min(next.failures - 1, 16));
  return wait(next, 'backoff', Math.max(gap, config.minBackoffMs * random, ceiling * random));
}

function onHurry(state: ConnectionState, clockTrusted: boolean, nowMs: number): ConnectionStep {
  if (!clockTrusted || state.phase === 'stopped') return { state, effects: [] };
  const fresh = { ...state, failures: 0, networkFailures: 0, target: 0 };
  const step = wait(fresh, 'backoff', gapMs(state, nowMs));
  return state.phase === 'waiting' ? step : { state: step.state, effects: [{ type: 'close' }, ...step.effects] };
}
