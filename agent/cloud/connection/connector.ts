import type { ShadowView } from '../../contract/shadow.ts';
import type { Cancel, MonotonicClock } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import { messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import {
  type ConnectionConfig,
  type ConnectionEvent,
  type ConnectionState,
  connectionStep,
  initialConnection,
  wouldRepeat,
} from './connection.ts';
import type { Down, Link, LinkHandlers, Target, Transport, Will } from './transport.ts';
import { createUnreadableLog } from './unreadable-log.ts';

/** Drives the connection machine: makes links, ends them, keeps its timer, and reports their ends. */
export interface Connector {
  /** `processRestart`: only this process was started anew. */
  start(options?: { processRestart?: boolean }): void;
  /** Ends the link, if there is one; bounded in time. `silently`: without the will, since `offline` is published. */
  stop(options?: { silently?: boolean }): Promise<void>;
  /** The network may have changed: a new link as soon as the server's limit allows. */
  reconnectNow(): void;
  state(): ConnectionState;
  /** Milliseconds until it connects, at the earliest, while it waits; null otherwise. */
  nextAttemptMs(): number | null;
  /** True when the machine waits for a timer that does not come: a bug that only a new process resolves. */
  isStuck(): boolean;
  /** The way in use, or the next one to be tried. */
  target(): Target;
}

export interface ConnectorDeps {
  transport: Transport;
  /** Best first; at least one. */
  targets: readonly Target[];
  config: Omit<ConnectionConfig, 'targets'>;
  clientId: string;
  keepAliveSeconds: number;
  will(session: string): Will;
  /** The clock is good enough to validate certificates. */
  clockTrusted(): boolean;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
  /** CONNACK: the session with this id is open. */
  onUp(link: Link, session: string): void;
  /** The present link has ended, for any reason; also when it never came up. */
  onDown(down: Down): void;
  onMessage(topic: string, payload: Buffer, retained: boolean): void;
  onDelta(view: ShadowView): void;
}

/** A timer that is later than this is lost, however busy the hub is. */
const LOST_TIMER_MS = 60_000;

export function createConnector(deps: ConnectorDeps): Connector {
  const { transport, targets, clock, entropy, log } = deps;
  const config: ConnectionConfig = { ...deps.config, targets: targets.length };
  let state = initialConnection();
  let link: Link | null = null;
  let session = '';
  /** Messages of an older link are not ours any more. */
  let generation = 0;
  let cancelTimer: Cancel | null = null;
  /** When the timer ends, monotonic; null without one. */
  let timerEndMs: number | null = null;
  const sayUnreadable = createUnreadableLog({ log, clock });
  const events: ConnectionEvent[] = [];
  let stepping = false;
  /** `offline` is published for this link: its will would repeat it. */
  let goodbyeSaid = false;

  /** A step is carried out to its end before the next one: a link can fail while it is being made. */
  function dispatch(event: ConnectionEvent): void {
    events.push(event);
    if (stepping) return;
    stepping = true;
    try {
      for (let next = events.shift(); next; next = events.shift()) take(next);
    } finally {
      stepping = false;
    }
  }

  function take(event: ConnectionEvent): void {
    const before = state.waitReason;
    const step = connectionStep(config, state, event, clock.nowMs(), entropy.unit());
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'connect') connect(targets[effect.target]!);
      else if (effect.type === 'close') closeLink();
      else {
        cancelTimer?.();
        cancelTimer = null;
        timerEndMs = null;
        if (effect.type === 'cancelTimer') continue;
        if (state.phase === 'waiting') logWaiting(before, effect.delayMs);
        timerEndMs = clock.nowMs() + effect.delayMs;
        cancelTimer = clock.schedule(effect.delayMs, onTimer);
      }
    }
  }

  function onTimer(): void {
    timerEndMs = null;
    dispatch({ type: 'timer', clockTrusted: deps.clockTrusted() });
  }

  function logWaiting(before: string | null, delayMs: number): void {
    const { waitReason, failures, lastDown } = state;
    if (waitReason === 'clock_unsynced') {
      // Asked every second: one line is enough.
      if (before === 'clock_unsynced') return;
      log.warn({ event: 'cloud_waiting', reason: waitReason }, 'the clock is not set, and certificates cannot be validated before');
    } else log.info({ event: 'cloud_waiting', reason: waitReason, delayMs, failures, lastDown }, 'waiting before the next connect');
  }

  function connect(target: Target): void {
    generation += 1;
    const mine = generation;
    const id = entropy.uuid();
    const current = () => mine === generation;
    session = id;
    log.info({ event: 'cloud_connecting', host: target.host, port: target.port, session: id }, 'connecting');
    const handlers: LinkHandlers = {
      onUp() {
        if (!current()) return;
        dispatch({ type: 'up' });
        if (link) deps.onUp(link, id);
      },
      onDown: (down) => current() && onDown(down),
      onMessage: (topic, payload, retained) => current() && deps.onMessage(topic, payload, retained),
      onDelta: (view) => current() && deps.onDelta(view),
      onUnreadable: sayUnreadable,
    };
    try {
      link = transport.connect({ target, clientId: deps.clientId, keepAliveSeconds: deps.keepAliveSeconds, will: deps.will(id) }, handlers);
    } catch (error) {
      // The SDK throws at once for a certificate or key that it cannot read.
      handlers.onDown({ reason: 'tls', detail: messageOf(error) });
    }
  }

  function onDown(down: Down): void {
    generation += 1;
    link = null;
    const { reason, detail, unsent = false } = down;
    const repeats = wouldRepeat(state, { unsent }, clock.nowMs());
    // It proves nothing about the network, least of all about its name servers.
    if (repeats)
      log.debug({ event: 'cloud_connect_repeated', detail, session }, 'the attempt did not reach the network; it is repeated at once');
    else log[reason === 'local' ? 'info' : 'warn']({ event: 'cloud_down', reason, detail, session }, 'link down');
    if (reason === 'taken_over') {
      log.error(
        { event: 'client_id_taken_over', clientId: deps.clientId },
        "another client connected with this hub's client id: look for a copy of its certificate and key",
      );
    }
    deps.onDown(down);
    dispatch({ type: 'down', reason, unsent });
  }

  function closeLink(): void {
    generation += 1;
    const closing = link;
    link = null;
    if (!closing) return;
    deps.onDown({ reason: 'local', detail: 'closed by the agent' });
    void closing.close({ silently: goodbyeSaid });
  }

  return {
    start: ({ processRestart = false } = {}) => dispatch({ type: 'start', clockTrusted: deps.clockTrusted(), processRestart }),
    async stop(options) {
      const closing = link;
      goodbyeSaid = options?.silently ?? false;
      dispatch({ type: 'stop' });
      goodbyeSaid = false;
      await closing?.close();
    },
    reconnectNow: () => dispatch({ type: 'reconnectNow', clockTrusted: deps.clockTrusted() }),
    state: () => state,
    nextAttemptMs: () => (state.phase === 'waiting' && timerEndMs !== null ? Math.max(0, Math.round(timerEndMs - clock.nowMs())) : null),
    isStuck() {
      if (state.phase !== 'waiting' && state.phase !== 'connecting') return false;
      return timerEndMs === null || clock.nowMs() > timerEndMs + LOST_TIMER_MS;
    },
    target: () => targets[state.target] ?? targets[0]!,
  };
}
