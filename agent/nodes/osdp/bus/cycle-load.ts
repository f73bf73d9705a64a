import { nextDueMs } from '../session/due-again.ts';
import type { PdSessions } from './pd-sessions.ts';
import type { OsdpTimings } from './timings.ts';

/**
 * How many PDs are asked for tamper and power in one cycle; those due longest come first, the rest are polled. At 9600 baud 127 statuses
 * inside secure channels take longer than a channel lives, 127 polls do not.
 */
const STATUS_POLLS = 32;
/**
 * How many PDs may be asked in one cycle for what is asked now and then. On a full line at 9600 baud, where a cycle takes 2.5 s, each is then
 * asked for everything in its time; it costs a cycle of a few peripherals nothing, as a question takes the place of a poll.
 */
const FACTS_ASKED_AGAIN = 8;
/**
 * An open secure channel is used so long before the time-out that ends it, in every cycle: time for a request that is not answered, its
 * repeat, and the answer. On a full line at 9600 baud, earlier use would leave no time for the handshakes that are still due.
 */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** What one cycle asks of the PDs that are available, beyond a poll. */
export interface CycleLoad {
  /** The PDs that are polled although tamper and power are due. */
  statusesThatWait: ReadonlySet<number>;
  /** The PDs that may be asked for what is asked at leisure: those for whom something is due longest. */
  factsAskedAgain: ReadonlySet<number>;
}

export function cycleLoad({ addresses, pd }: PdSessions, timings: OsdpTimings): CycleLoad {
  const available = addresses.filter((address) => pd(address).facts.available);
  const statusMs = (address: number) => pd(address).statusMs ?? 0;
  const dueMs = new Map(available.map((address) => [address, nextDueMs(pd(address), timings)]));
  const factsMs = (address: number) => dueMs.get(address)!;
  const first = (askedMs: (address: number) => number) => available.toSorted((a, b) => askedMs(a) - askedMs(b));
  return {
    statusesThatWait: new Set(first(statusMs).slice(STATUS_POLLS)),
    factsAskedAgain: new Set(first(factsMs).slice(0, FACTS_ASKED_AGAIN)),
  };
}

/** The open secure channel that was used longest ago, if it is time to use it; null: none. `asked`: the PDs that were asked in this cycle. */
export function mostIdle({ addresses, pd }: PdSessions, asked: ReadonlySet<number>, nowMs: number, timings: OsdpTimings): number | null {
  let idle: number | null = null;
  let usedMs = nowMs - timings.offlineAfterMs + KEEP_ALIVE_MARGIN_MS;
  for (const address of addresses) {
    const { channel, lastReplyMs } = pd(address);
    if (channel.phase !== 'open' || (lastReplyMs ?? 0) >= usedMs || asked.has(address)) continue;
    idle = address;
    usedMs = lastReplyMs ?? 0;
  }
  return idle;
}
