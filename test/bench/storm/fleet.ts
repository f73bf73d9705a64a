import {
  type ConnectionConfig,
  type ConnectionEvent,
  connectionStep,
  initialConnection,
} from '../../../agent/cloud/connection/connection.ts';
import { createRandom } from '../../support/random.ts';
import { createEventQueue } from './event-queue.ts';
import { ANSWER_MS, createResolver, HANDSHAKE_MS, UNSENT_MS } from './network.ts';

/**
 * How the service goes away:
 * - `power`: it does not; all hubs are switched on in the same moment.
 * - `reset`: it ends every connection, and its ports are closed until it is back.
 * - `silent`: packets vanish; connections live on if it is back before anybody missed it.
 * - `crash`: packets vanish, and the service has forgotten its connections when it is back.
 */
export type StormKind = 'power' | 'reset' | 'silent' | 'crash';

export interface StormOptions {
  kind: StormKind;
  /** Of the outage; 0 for `power`. */
  outageMs: number;
  agents: number;
  /** CONNECTs that the service accepts within any second. */
  limitPerSecond: number;
  connection: Omit<ConnectionConfig, 'targets'>;
  keepAliveMs: number;
  seed: number;
}

/** Times count from the moment that the service can be reached. */
export interface StormResult {
  /** Hubs that had to connect. */
  fallen: number;
  /** CONNECTs that were refused for the limit. */
  refused: number;
  /** Attempts that ended inside the SDK, before they touched the network. */
  unsent: number;
  /** CONNECTs in the fullest second. */
  peakPerSecond: number;
  allOnlineMs: number;
  /** What a hub of the fleet waited on average: a single hub in the same trouble waits as long. */
  meanOnlineMs: number;
}

const SECOND_MS = 1_000;
/** Linux's retransmissions of a SYN (RFC 6298: 1 s, doubled), and the agent's patience. */
const SYN_MS = [0, 1_000, 3_000, 7_000, 15_000];
const CONNECT_TIMEOUT_MS = 20_000;
/** Linux's retransmissions of data, from its minimum of 200 ms. */
const DATA_MS = [0, 200, 600, 1_400, 3_000, 6_200, 12_600];

/** Accepts at most `limit` in any window of one second: stricter than a token bucket, which also lets a burst through. */
function createLimiter(limit: number): (nowMs: number) => boolean {
  const accepted: number[] = [];
  return (nowMs) => {
    const oldest = accepted[accepted.length - limit];
    if (oldest !== undefined && oldest > nowMs - SECOND_MS) return false;
    accepted.push(nowMs);
    return true;
  };
}

function peakOf(times: number[]): number {
  let peak = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[first]! <= times[last]! - SECOND_MS) first++;
    peak = Math.max(peak, last - first + 1);
  }
  return peak;
}

/** Lets a fleet of the agent's own connection machines loose on a service with a limit; ends when all are online. */
export function runStorm(options: StormOptions): StormResult {
  const { kind, outageMs, agents, keepAliveMs } = options;
  const queue = createEventQueue();
  const random = createRandom(options.seed).unit;
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random();
  const tryAccept = createLimiter(options.limitPerSecond);
  const config: ConnectionConfig = { ...options.connection, targets: 1 };
  const connects: number[] = [];
  const onlineMs: number[] = [];
  let fallen = 0;
  let refused = 0;
  let offline = 0;
  let unsent = 0;

  const isBack = () => queue.nowMs() >= outageMs;
  /** Milliseconds until the first (re)transmission of a packet that reaches the service; null when the sender gives up before. */
  function reachesAfter(retransmissionsMs: readonly number[], patienceMs: number): number | null {
    const gets = retransmissionsMs.find((at) => queue.nowMs() + at >= outageMs);
    return gets === undefined || gets > patienceMs ? null : gets;
  }

  function createHub() {
    let state = initialConnection();
    let timer = 0;
    let link = 0;
    const resolves = createResolver();

    function dispatch(event: ConnectionEvent): void {
      const step = connectionStep(config, state, event, queue.nowMs(), random());
      state = step.state;
      for (const effect of step.effects) {
        if (effect.type === 'connect') connect(++link);
        else if (effect.type === 'close') link++;
        else {
          const mine = ++timer;
          if (effect.type !== 'timer') continue;
          queue.schedule(effect.delayMs, () => mine === timer && dispatch({ type: 'timer', clockTrusted: true }));
        }
      }
    }

    function later(mine: number, delayMs: number, run: () => void): void {
      queue.schedule(delayMs, () => mine === link && run());
    }

    function connect(mine: number): void {
      if (!resolves(queue.nowMs())) {
        unsent++;
        later(mine, between(UNSENT_MS), () => dispatch({ type: 'down', reason: 'network', unsent: true }));
        return;
      }
      const gets = reachesAfter(SYN_MS, CONNECT_TIMEOUT_MS);
      if (isBack()) later(mine, between(HANDSHAKE_MS), () => arrive(mine));
      else if (kind === 'reset') later(mine, between(ANSWER_MS), () => dispatch({ type: 'down', reason: 'network' }));
      else if (gets === null) later(mine, CONNECT_TIMEOUT_MS, () => dispatch({ type: 'down', reason: 'network' }));
      else later(mine, gets + between(HANDSHAKE_MS), () => arrive(mine));
    }

    function arrive(mine: number): void {
      connects.push(queue.nowMs());
      const accepted = tryAccept(queue.nowMs());
      if (!accepted) refused++;
      later(mine, between(ANSWER_MS), () => {
        dispatch(accepted ? { type: 'up' } : { type: 'down', reason: 'refused' });
        if (!accepted) return;
        offline--;
        onlineMs.push(queue.nowMs() - outageMs);
      });
    }

    function fall(reason: 'closed' | 'keepalive'): void {
      fallen++;
      dispatch({ type: 'down', reason });
    }

    /** The next ping is the first that notices silence. */
    function miss(): void {
      queue.schedule(keepAliveMs * random(), () => {
        const patienceMs = keepAliveMs / 2;
        const gets = reachesAfter(DATA_MS, patienceMs);
        if (gets === null) queue.schedule(patienceMs, () => fall('keepalive'));
        else if (kind === 'crash') queue.schedule(gets + between(ANSWER_MS), () => fall('closed'));
        else offline--;
      });
    }

    return {
      begin() {
        offline++;
        if (kind === 'power') {
          fallen++;
          dispatch({ type: 'start', clockTrusted: true });
          return;
        }
        state = { ...state, phase: 'connected', settled: true, fleetWide: config.spreadMs > 0 };
        if (kind === 'reset') queue.schedule(between(ANSWER_MS), () => fall('closed'));
        else miss();
      },
    };
  }

  for (let index = 0; index < agents; index++) createHub().begin();
  queue.runUntil(() => offline === 0);
  return {
    fallen,
    refused,
    unsent,
    peakPerSecond: peakOf(connects),
    allOnlineMs: onlineMs.reduce((latest, at) => Math.max(latest, at), 0),
    meanOnlineMs: onlineMs.reduce((sum, at) => sum + at, 0) / Math.max(1, onlineMs.length),
  };
}
