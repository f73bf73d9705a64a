import type { Frame } from '../codec/frame.ts';
import type { Line } from '../port/line.ts';
import { type AnswerWindow, initialWindow, observeLatency } from '../port/window.ts';
import type { PdState } from '../session/pd.ts';
import { cycleLoad, mostIdle } from './cycle-load.ts';
import type { PdSessions, SlotOptions } from './pd-sessions.ts';
import { isDiscovered } from './plan.ts';
import { createPollOrder } from './poll-order.ts';
import { createRecheckQueue } from './recheck-queue.ts';
import type { OsdpTimings } from './timings.ts';

/**
 * How many requests for identity and capabilities one PD gets within a pass; the poller asks the rest. One that understands checksums
 * alone has each of the two asked twice.
 */
const DISCOVERY_REQUESTS = 6;
/** How many requests an address that is rechecked gets within a pass; the background asks on. */
const RECHECK_REQUESTS = 2;
/** How many PDs that missed a poll get the full wait in one cycle; the others get the scan's window, so that a dead half of the line does not starve the other. */
const PATIENT_POLLS = 5;
/** After so many cycles without time for it silent addresses are asked in another way all the same. */
const MAX_CYCLES_WITHOUT_OTHER = 4;
/** The same of listening whether noise was an answer. */
const MAX_CYCLES_WITHOUT_LISTENING = 2;
/** Rounds after a pass that run without a pause while a session still has something to ask: status, and a handshake. */
const SETTLING_ROUNDS = 5;

/** Noise came instead of its answer, and what that means is not found out yet. */
const isSuspect = ({ facts, noisy }: PdState) => noisy && !facts.available && facts.problem === null;

/** The order of requests on a line: whole passes over the addresses, and poll cycles. Every call answers false when the line went down. */
export interface Scanner {
  /**
   * Asks every address: PDs that are known inside their session, the others for identity and capabilities. `otherWays`: in how many of the other
   * ways silent addresses are asked too (`agent/nodes/osdp/session/opening.ts`); each takes as long again.
   */
  pass(line: Line, otherWays: number): Promise<boolean>;
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
  /** A PD answers at an address that is not configured. */
  onUnexpected(address: number): void;
  /** A PD answered after the longest time that it may take. */
  onLate(address: number): void;
}

export function createScanner({ sessions, timings, nowMs, onUnexpected, onLate }: ScannerDeps): Scanner {
  const { addresses } = sessions;
  const configured = new Set(addresses);
  /** PDs proven by a late frame: to be asked again with the full wait. */
  const strays = new Set<number>();
  /** The PDs that got the full wait the last time, and stayed silent. */
  const patient = new Set<number>();
  const rechecks = createRecheckQueue(timings.fullWaitMs);
  let window: AnswerWindow = initialWindow(timings);
  let nextLost = 0;
  let nextNew = 0;
  let nextOther = 0;
  let nextNoisy = 0;
  let cyclesWithoutExtra = 0;
  let otherTurn = false;
  let lastCycleMs = Number.POSITIVE_INFINITY;

  const available = (address: number) => sessions.pd(address).facts.available;
  const pollOrder = createPollOrder(addresses, available);

  const ask = async (
    line: Line,
    address: number,
    windowMs: number,
    { learn = false, ...options }: SlotOptions & { learn?: boolean } = {},
  ) => {
    const sentMs = nowMs();
    const outcome = await sessions.slot(line, address, windowMs, options);
    if (learn && outcome.kind === 'reply') window = observeLatency(window, outcome.firstByteMs, timings);
    if (outcome.kind === 'silent') rechecks.silent(address, sentMs, outcome.heard);
    if (outcome.kind === 'silent' && windowMs >= timings.fullWaitMs) patient.add(address);
    else patient.delete(address);
    return outcome;
  };

  /** Asks a PD that just answered for what a scan wants to know of it. */
  const discover = async (line: Line, address: number) => {
    for (let request = 0; request < DISCOVERY_REQUESTS && !isDiscovered(sessions.pd(address)); request++) {
      const between = () => keepAlive(line);
      if ((await ask(line, address, timings.fullWaitMs, { factsCanWait: true, between })).kind === 'down') return false;
    }
    return true;
  };

  /** Asks again, and once more when something but the answer was heard. */
  const recheck = async (line: Line, address: number, windowMs: number) => {
    for (let request = 0; request < RECHECK_REQUESTS; request++) {
      const outcome = await ask(line, address, windowMs, { learn: true, opening: 'last' });
      if (outcome.kind === 'down') return false;
      if (outcome.kind === 'reply' || outcome.heard === 'nothing') break;
    }
    return !available(address) || discover(line, address);
  };

  /** Asks the queued addresses again; each one with the full wait at most once. */
  const askAgain = async (line: Line) => {
    const asked = new Set<number>();
    for (const queued of rechecks.take()) {
      let late = queued.late;
      for (const address of queued.addresses) {
        if (available(address) || asked.has(address)) continue;
        if (late) asked.add(address);
        if (!(await recheck(line, address, late ? timings.fullWaitMs : window.windowMs))) return false;
        if (available(address)) late = false;
      }
    }
    return true;
  };

  const recheckLast = (line: Line, address: number) => recheck(line, address, timings.fullWaitMs);

  /** Asks those proven by a late frame. `asked`: each once only, as one whose answers never fit is proven anew by each question. */
  const takeStrays = async (line: Line, asked: Set<number>, again: typeof probe = probe) => {
    const due = [...strays].filter((address) => !available(address) && !asked.has(address));
    strays.clear();
    for (const address of due) {
      asked.add(address);
      if (!(await again(line, address, 'last'))) return false;
      strays.delete(address);
    }
    return true;
  };

  /** Keeps secure channels open while a long round goes on. `waiting`: the PDs whose tamper and power can wait meanwhile. */
  const keepAlive = async (line: Line, waiting: ReadonlySet<number> = configured) => {
    const asked = new Set<number>();
    const next = () => mostIdle(sessions, asked, nowMs(), timings);
    for (let idle = next(); idle !== null; idle = next()) {
      asked.add(idle);
      const options = { statusCanWait: waiting.has(idle), factsCanWait: true };
      if ((await ask(line, idle, timings.fullWaitMs, options)).kind === 'down') return false;
    }
    return true;
  };

  /** A PD is or was at this address. */
  const isKnown = (address: number) => {
    const { seen, noisy, garbled } = sessions.pd(address);
    return seen || noisy || garbled > 0;
  };

  /** The next address after `from` that passes, going round; null when none does. */
  const nextOf = (from: number, wanted: (address: number) => boolean) => {
    for (let step = 0; step < addresses.length; step++) {
      const index = (from + step) % addresses.length;
      if (wanted(addresses[index]!)) return index;
    }
    return null;
  };

  const probe = async (line: Line, address: number, opening: SlotOptions['opening'] = 'usual') => {
    const outcome = await ask(line, address, timings.fullWaitMs, { opening });
    if (outcome.kind === 'down') return false;
    return outcome.kind !== 'reply' || discover(line, address);
  };

  /**
   * Asks the next one of its kind. The only one of its kind is asked in the usual way and in another one in turn: asked in both ways in a row,
   * it could answer late.
   */
  const probeInTurn = (line: Line, index: number, next: number, asked: Set<number>) => {
    asked.add(addresses[index]!);
    const only = index + 1 === next;
    return probe(line, addresses[index]!, only && otherTurn ? 'other' : 'usual');
  };

  /** Listens whether noise comes without a question too, after it came instead of the answer of this address. */
  const listen = async (line: Line, address: number) => {
    const unasked = await line.transact({ bytes: Buffer.alloc(0), address, windowMs: timings.fullWaitMs, answers: () => false });
    if (unasked.kind === 'silent') sessions.garbled(address, unasked.heard !== 'noise');
    return unasked.kind !== 'down';
  };

  /**
   * What a cycle does for silent addresses beside the usual question, when it has time or that was put off for long: it finds out what noise
   * means, or asks in another way.
   */
  const probeExtra = async (line: Line, beganMs: number, asked: ReadonlySet<number>) => {
    const noisy = nextOf(nextNoisy, (address) => isSuspect(sessions.pd(address)));
    const late = nowMs() - beganMs + timings.fullWaitMs > timings.pollCycleMs;
    if (late && ++cyclesWithoutExtra < (noisy === null ? MAX_CYCLES_WITHOUT_OTHER : MAX_CYCLES_WITHOUT_LISTENING)) return true;
    cyclesWithoutExtra = 0;
    if (noisy !== null) {
      nextNoisy = noisy + 1;
      return listen(line, addresses[noisy]!);
    }
    const silent = nextOf(nextOther, (address) => !available(address) && !asked.has(address));
    if (silent === null) return true;
    nextOther = silent + 1;
    return probe(line, addresses[silent]!, 'other');
  };

  /** Asks one that is not available, within a pass. */
  const knock = async (line: Line, address: number, otherWays: number) => {
    const openings: NonNullable<SlotOptions['opening']>[] = ['usual'];
    if (sessions.pd(address).guarded) openings.push('clear');
    for (let way = 0; way < otherWays; way++) openings.push('other');
    const between = () => keepAlive(line);
    let outcome = await ask(line, address, window.windowMs, { learn: true, between, opening: 'usual' });
    for (const opening of openings.slice(1)) {
      if (outcome.kind !== 'silent' || outcome.heard !== 'nothing') break;
      outcome = await ask(line, address, window.windowMs, { learn: true, between, opening });
    }
    return outcome;
  };

  return {
    async pass(line, otherWays) {
      strays.clear();
      rechecks.take();
      const asked = new Set<number>();
      for (const address of addresses) {
        if (available(address)) {
          sessions.wantFacts(address);
          if ((await ask(line, address, timings.fullWaitMs)).kind === 'down' || !(await keepAlive(line))) return false;
          continue;
        }
        const outcome = await knock(line, address, otherWays);
        if (outcome.kind === 'down') return false;
        if (outcome.kind === 'reply' && !(await discover(line, address))) return false;
        if (!(await takeStrays(line, asked, recheckLast)) || !(await keepAlive(line))) return false;
      }
      return (await askAgain(line)) && takeStrays(line, asked, recheckLast);
    },

    async settle(line) {
      for (let round = 0; round < SETTLING_ROUNDS; round++) {
        const open = addresses.filter((address) => available(address) && !sessions.settled(address));
        for (const address of open) {
          if (sessions.settled(address)) continue;
          const options = { factsCanWait: true, between: () => keepAlive(line) };
          if ((await sessions.slot(line, address, timings.fullWaitMs, options)).kind === 'down' || !(await keepAlive(line))) return false;
        }
        if (open.length === 0) break;
      }
      return true;
    },

    async pollCycle(line) {
      const beganMs = nowMs();
      otherTurn = !otherTurn;
      // A cycle that ends before the next one is due has time to spare.
      const unhurried = lastCycleMs < timings.pollCycleMs;
      lastCycleMs = Number.POSITIVE_INFINITY;
      const { statusesThatWait: waiting, factsAskedAgain } = cycleLoad(sessions, timings);
      const between = () => keepAlive(line, waiting);
      let patience = PATIENT_POLLS;
      for (const address of pollOrder()) {
        const { silentSinceMs, lastReplyMs } = sessions.pd(address);
        // A PD that answered in this cycle was asked to keep its channel.
        if (!available(address) || (lastReplyMs !== null && lastReplyMs > beganMs)) continue;
        const patient = silentSinceMs === null || patience-- > 0;
        const windowMs = patient ? timings.fullWaitMs : window.windowMs;
        const options = { statusCanWait: waiting.has(address), factsCanWait: !factsAskedAgain.has(address), unhurried, between };
        if ((await ask(line, address, windowMs, options)).kind === 'down') return false;
        if (!(await keepAlive(line, waiting))) return false;
      }
      const asked = new Set<number>();
      const lost = nextOf(nextLost, (address) => !available(address) && isKnown(address));
      if (lost !== null && !(await probeInTurn(line, lost, nextLost, asked))) return false;
      nextLost = lost === null ? 0 : lost + 1;
      const silent = nextOf(nextNew, (address) => !isKnown(address));
      if (silent !== null && !(await probeInTurn(line, silent, nextNew, asked))) return false;
      nextNew = silent === null ? 0 : silent + 1;
      lastCycleMs = nowMs() - beganMs;
      return (await takeStrays(line, new Set())) && probeExtra(line, beganMs, asked);
    },

    onStray(frame) {
      const { address } = frame;
      if (!configured.has(address)) return onUnexpected(address);
      strays.add(address);
      if (patient.delete(address)) onLate(address);
    },

    windowMs: () => window.windowMs,
  };
}
