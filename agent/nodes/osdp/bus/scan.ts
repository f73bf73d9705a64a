import type { Frame } from '../codec/frame.ts';
import type { Line } from '../port/line.ts';
import { type AnswerWindow, initialWindow, observeLatency } from '../port/window.ts';
import type { PdSessions } from './pd-sessions.ts';
import { isDiscovered } from './plan.ts';
import { createRecheckQueue } from './recheck-queue.ts';
import type { OsdpTimings } from './timings.ts';

/** How many requests one PD may take to tell identity and capabilities within a pass; the poller asks the rest. */
const DISCOVERY_REQUESTS = 4;
/** How many requests an address that is rechecked gets within a pass; the background asks on. */
const RECHECK_REQUESTS = 2;
/** How many PDs that missed a poll get the full wait in one cycle; the others get the scan's window, so that a dead half of the line does not starve the other. */
const PATIENT_POLLS = 5;
/** An open secure channel is used at least this often, whatever else goes on: this share of the silence that ends it. */
const KEEP_ALIVE_SHARE = 0.6;
/**
 * How many PDs are asked for tamper and power in one cycle; those due longest come first, the rest are polled. At 9600 baud 127 statuses
 * inside secure channels take longer than a channel lives, 127 polls do not.
 */
const STATUS_POLLS = 32;
/** Rounds after a pass that run without a pause while a session still has something to ask: status, and a handshake. */
const SETTLING_ROUNDS = 5;

/** Who is asked next on a line: whole passes over the addresses, and poll cycles. Every call answers false when the line went down. */
export interface Scanner {
  /** Asks every address: PDs that are known inside their session, the others for identity and capabilities. */
  pass(line: Line): Promise<boolean>;
  /** Polls without a pause until what is asked once has been asked. */
  settle(line: Line): Promise<boolean>;
  /** Asks every PD that is available once, and one silent address of each kind with the full wait. */
  pollCycle(line: Line): Promise<boolean>;
  /** A reply that came too late, outside its transaction. */
  onStray(frame: Frame): void;
  /** The first-byte window now, in milliseconds. */
  windowMs(): number;
}

export interface ScannerDeps {
  sessions: PdSessions;
  timings: OsdpTimings;
  nowMs(): number;
  /** A PD answers at an address nobody configured. */
  onUnexpected(address: number): void;
}

export function createScanner({ sessions, timings, nowMs, onUnexpected }: ScannerDeps): Scanner {
  const { addresses } = sessions;
  const configured = new Set(addresses);
  /** PDs proven by a late frame: to be asked again with the full wait. */
  const strays = new Set<number>();
  const rechecks = createRecheckQueue(timings.fullWaitMs);
  let window: AnswerWindow = initialWindow(timings);
  let nextLost = 0;
  let nextNew = 0;

  const available = (address: number) => sessions.pd(address).facts.available;

  const ask = async (line: Line, address: number, windowMs: number, { learn = false, statusCanWait = false } = {}) => {
    const sentMs = nowMs();
    const outcome = await sessions.slot(line, address, windowMs, statusCanWait);
    if (learn && outcome.kind === 'reply') window = observeLatency(window, outcome.firstByteMs, timings);
    if (outcome.kind === 'silent') rechecks.silent(address, sentMs, outcome.heard);
    return outcome;
  };

  /** Asks a PD that just answered for what a scan wants to know of it. */
  const discover = async (line: Line, address: number) => {
    for (let request = 0; request < DISCOVERY_REQUESTS && !isDiscovered(sessions.pd(address)); request++) {
      if ((await ask(line, address, timings.fullWaitMs)).kind === 'down') return false;
    }
    return true;
  };

  /** Asks again, and once more when something but the answer was heard. */
  const recheck = async (line: Line, address: number, windowMs: number) => {
    for (let request = 0; request < RECHECK_REQUESTS; request++) {
      const outcome = await ask(line, address, windowMs, { learn: true });
      if (outcome.kind === 'down') return false;
      if (outcome.kind === 'reply' || outcome.heard === 'nothing') break;
    }
    return !available(address) || discover(line, address);
  };

  /** Asks the queued addresses again; each one with the full wait at most once. */
  const askAgain = async (line: Line) => {
    const patient = new Set<number>();
    for (const queued of rechecks.take()) {
      let late = queued.late;
      for (const address of queued.addresses) {
        if (available(address) || patient.has(address)) continue;
        if (late) patient.add(address);
        if (!(await recheck(line, address, late ? timings.fullWaitMs : window.windowMs))) return false;
        if (available(address)) late = false;
      }
    }
    return true;
  };

  /** Asks those proven by a late frame. `asked`: each once only, as one whose answers never fit is proven anew by each question. */
  const takeStrays = async (line: Line, asked: Set<number>) => {
    const due = [...strays].filter((address) => !available(address) && !asked.has(address));
    strays.clear();
    for (const address of due) {
      asked.add(address);
      if (!(await recheck(line, address, timings.fullWaitMs))) return false;
      strays.delete(address);
    }
    return true;
  };

  /** The open secure channel that was used longest ago, if it is time to use it. `asked`: who had the chance already. */
  const mostIdle = (asked: ReadonlySet<number>) => {
    let idle: number | null = null;
    let usedMs = nowMs() - timings.offlineAfterMs * KEEP_ALIVE_SHARE;
    for (const address of addresses) {
      const { channel, lastReplyMs } = sessions.pd(address);
      if (channel.phase !== 'open' || (lastReplyMs ?? 0) >= usedMs || asked.has(address)) continue;
      idle = address;
      usedMs = lastReplyMs ?? 0;
    }
    return idle;
  };

  /** Keeps secure channels open while a long round goes on. `waiting`: whose tamper and power can wait meanwhile. */
  const keepAlive = async (line: Line, waiting: ReadonlySet<number> = configured) => {
    const asked = new Set<number>();
    for (let idle = mostIdle(asked); idle !== null; idle = mostIdle(asked)) {
      asked.add(idle);
      if ((await ask(line, idle, timings.fullWaitMs, { statusCanWait: waiting.has(idle) })).kind === 'down') return false;
    }
    return true;
  };

  /** Who is polled although tamper and power are due. */
  const statusesThatWait = () => {
    const statusMs = (address: number) => sessions.pd(address).statusMs ?? 0;
    const polled = addresses.filter(available).sort((a, b) => statusMs(a) - statusMs(b));
    return new Set(polled.slice(STATUS_POLLS));
  };

  /** The next address after `from` that passes, going round; null when none does. */
  const nextOf = (from: number, wanted: (address: number) => boolean) => {
    for (let step = 0; step < addresses.length; step++) {
      const index = (from + step) % addresses.length;
      if (wanted(addresses[index]!)) return index;
    }
    return null;
  };

  const probe = async (line: Line, address: number) => {
    const outcome = await ask(line, address, timings.fullWaitMs);
    if (outcome.kind === 'down') return false;
    return outcome.kind !== 'reply' || discover(line, address);
  };

  return {
    async pass(line) {
      strays.clear();
      rechecks.take();
      const asked = new Set<number>();
      for (const address of addresses) {
        if (available(address)) {
          sessions.wantStatus(address);
          if ((await ask(line, address, timings.fullWaitMs)).kind === 'down' || !(await keepAlive(line))) return false;
          continue;
        }
        const outcome = await ask(line, address, window.windowMs, { learn: true });
        if (outcome.kind === 'down') return false;
        if (outcome.kind === 'reply' && !(await discover(line, address))) return false;
        if (!(await takeStrays(line, asked)) || !(await keepAlive(line))) return false;
      }
      return (await askAgain(line)) && takeStrays(line, asked);
    },

    async settle(line) {
      for (let round = 0; round < SETTLING_ROUNDS; round++) {
        const open = addresses.filter((address) => available(address) && !sessions.settled(address));
        for (const address of open) {
          if (sessions.settled(address)) continue;
          if ((await sessions.slot(line, address, timings.fullWaitMs)).kind === 'down' || !(await keepAlive(line))) return false;
        }
        if (open.length === 0) break;
      }
      return true;
    },

    async pollCycle(line) {
      const beganMs = nowMs();
      const waiting = statusesThatWait();
      let patience = PATIENT_POLLS;
      for (const address of addresses) {
        const { silentSinceMs, lastReplyMs } = sessions.pd(address);
        // Who answered in this cycle was asked to keep its channel.
        if (!available(address) || (lastReplyMs !== null && lastReplyMs > beganMs)) continue;
        const patient = silentSinceMs === null || patience-- > 0;
        const windowMs = patient ? timings.fullWaitMs : window.windowMs;
        if ((await ask(line, address, windowMs, { statusCanWait: waiting.has(address) })).kind === 'down') return false;
        if (!(await keepAlive(line, waiting))) return false;
      }
      const lost = nextOf(nextLost, (address) => !available(address) && sessions.pd(address).seen);
      if (lost !== null) {
        nextLost = lost + 1;
        if (!(await probe(line, addresses[lost]!))) return false;
      }
      const silent = nextOf(nextNew, (address) => !sessions.pd(address).seen);
      if (silent !== null) {
        nextNew = silent + 1;
        if (!(await probe(line, addresses[silent]!))) return false;
      }
      return takeStrays(line, new Set());
    },

    onStray(frame) {
      if (configured.has(frame.address)) strays.add(frame.address);
      else onUnexpected(frame.address);
    },

    windowMs: () => window.windowMs,
  };
}
