import { createDoubts } from './doubts.ts';
import type { Frame } from './frame.ts';
import type { Line } from './line.ts';
import { isDiscovered } from './plan.ts';
import type { Roster } from './roster.ts';
import type { OsdpTimings } from './timings.ts';
import { type AnswerWindow, initialWindow, observeLatency } from './window.ts';

/** How many requests one PD may take to tell identity and capabilities within a pass; the poller asks the rest. */
const DISCOVERY_REQUESTS = 4;
/** How many requests a doubtful address gets within a pass; the background asks on. */
const RECHECK_REQUESTS = 2;
/** How many PDs that missed a poll get the full wait in one cycle; the others get the scan's window, so that a dead half of the line does not starve the other. */
const PATIENT_POLLS = 5;
/** An open secure channel is used at least this often during a long pass: this share of the silence that ends it. */
const KEEP_ALIVE_SHARE = 0.6;

/** Who is asked next on a line: whole passes over the addresses, and poll cycles. Every call answers false when the line went down. */
export interface Scanner {
  /** Asks every address: PDs that are known inside their session, the others for identity and capabilities. */
  pass(line: Line): Promise<boolean>;
  /** Asks every PD that is available once, and one silent address of each kind with the full wait. */
  pollCycle(line: Line): Promise<boolean>;
  /** A reply that came too late, outside its transaction. */
  onStray(frame: Frame): void;
  /** The first-byte window now, in milliseconds. */
  windowMs(): number;
}

export interface ScannerDeps {
  roster: Roster;
  timings: OsdpTimings;
  nowMs(): number;
  /** A PD answers at an address nobody configured. */
  onUnexpected(address: number): void;
}

export function createScanner({ roster, timings, nowMs, onUnexpected }: ScannerDeps): Scanner {
  const { addresses } = roster;
  const configured = new Set(addresses);
  /** PDs proven by a late frame: to be asked again with the full wait. */
  const strays = new Set<number>();
  const doubts = createDoubts(timings.fullWaitMs);
  let window: AnswerWindow = initialWindow(timings);
  let nextLost = 0;
  let nextNew = 0;

  const available = (address: number) => roster.pd(address).facts.available;

  const ask = async (line: Line, address: number, windowMs: number, learn = false) => {
    const sentMs = nowMs();
    const outcome = await roster.slot(line, address, windowMs);
    if (learn && outcome.kind === 'reply') window = observeLatency(window, outcome.firstByteMs, timings);
    if (outcome.kind === 'silent') doubts.silent(address, sentMs, outcome.heard);
    return outcome;
  };

  /** Asks a PD that just answered for what a scan wants to know of it. */
  const discover = async (line: Line, address: number) => {
    for (let request = 0; request < DISCOVERY_REQUESTS && !isDiscovered(roster.pd(address)); request++) {
      if ((await ask(line, address, timings.fullWaitMs)).kind === 'down') return false;
    }
    return true;
  };

  /** Asks again, and once more when something but the answer was heard. */
  const recheck = async (line: Line, address: number, windowMs: number) => {
    for (let request = 0; request < RECHECK_REQUESTS; request++) {
      const outcome = await ask(line, address, windowMs, true);
      if (outcome.kind === 'down') return false;
      if (outcome.kind === 'reply' || outcome.heard === 'nothing') break;
    }
    return !available(address) || discover(line, address);
  };

  /** Asks again whoever is in doubt; each address with patience at most once. */
  const clearDoubts = async (line: Line) => {
    const patient = new Set<number>();
    for (const doubt of doubts.take()) {
      let late = doubt.late;
      for (const address of doubt.addresses) {
        if (available(address) || patient.has(address)) continue;
        if (late) patient.add(address);
        if (!(await recheck(line, address, late ? timings.fullWaitMs : window.windowMs))) return false;
        if (available(address)) late = false;
      }
    }
    return true;
  };

  const takeStrays = async (line: Line) => {
    for (const address of strays) {
      strays.delete(address);
      if (!available(address) && !(await recheck(line, address, timings.fullWaitMs))) return false;
    }
    return true;
  };

  /** Keeps secure channels open while a long pass goes on. */
  const keepAlive = async (line: Line) => {
    for (const address of addresses) {
      const { channel, lastReplyMs } = roster.pd(address);
      const idle = channel.phase === 'open' && nowMs() - (lastReplyMs ?? 0) > timings.offlineAfterMs * KEEP_ALIVE_SHARE;
      if (idle && (await ask(line, address, timings.fullWaitMs)).kind === 'down') return false;
    }
    return true;
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
      doubts.take();
      for (const address of addresses) {
        if (available(address)) {
          roster.wantStatus(address);
          if ((await ask(line, address, timings.fullWaitMs)).kind === 'down') return false;
          continue;
        }
        const outcome = await ask(line, address, window.windowMs, true);
        if (outcome.kind === 'down') return false;
        if (outcome.kind === 'reply' && !(await discover(line, address))) return false;
        if (!(await takeStrays(line)) || !(await keepAlive(line))) return false;
      }
      return (await clearDoubts(line)) && takeStrays(line);
    },

    async pollCycle(line) {
      let patience = PATIENT_POLLS;
      for (const address of addresses) {
        if (!available(address)) continue;
        const missed = roster.pd(address).silentSinceMs !== null;
        const patient = !missed || patience-- > 0;
        if ((await ask(line, address, patient ? timings.fullWaitMs : window.windowMs)).kind === 'down') return false;
      }
      const lost = nextOf(nextLost, (address) => !available(address) && roster.pd(address).seen);
      if (lost !== null) {
        nextLost = lost + 1;
        if (!(await probe(line, addresses[lost]!))) return false;
      }
      const silent = nextOf(nextNew, (address) => !roster.pd(address).seen);
      if (silent !== null) {
        nextNew = silent + 1;
        if (!(await probe(line, addresses[silent]!))) return false;
      }
      return takeStrays(line);
    },

    onStray(frame) {
      if (configured.has(frame.address)) strays.add(frame.address);
      else onUnexpected(frame.address);
    },

    windowMs: () => window.windowMs,
  };
}
