import type { PdSessions } from './pd-sessions.ts';
import type { OsdpTimings } from './timings.ts';

/**
 * How many PDs are asked for tamper and power in one cycle; those due longest come first, the rest are polled. At 9600 baud 127 statuses
 * inside secure channels take longer than a channel lives, 127 polls do not.
 */
const STATUS_POLLS = 32;
/** How many PDs are asked for identity and capabilities again in one cycle. */
const FACTS_ASKED_AGAIN = 4;
/**
 * An open secure channel is used so long before the time-out that ends it, in every cycle: time for a request that is not answered, its
 * repeat, and the answer. On a full line at 9600 baud, earlier use would leave no time for the handshakes that are still due.
 */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** What one cycle asks of the PDs that are available, beyond a poll. */
export interface CycleLoad {
  /** The PDs that are polled although tamper and power are due. */
  statusesThatWait: ReadonlySet<number>;
  /** The PDs that may be asked for identity and capabilities again: those asked longest ago. */
  factsAskedAgain: ReadonlySet<number>;
}

export function cycleLoad({ addresses, pd }: PdSessions): CycleLoad {
  const available = addresses.filter((address) => pd(address).facts.available);
  const statusMs = (address: number) => pd(address).statusMs ?? 0;
  const factsMs = (address: number) => Math.min(pd(address).identifiedMs ?? 0, pd(address).capabilitiesMs ?? 0);
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
