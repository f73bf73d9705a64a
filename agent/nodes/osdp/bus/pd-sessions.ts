import type { MonotonicClock, WallClock } from '../../../system/clock.ts';
import type { Entropy } from '../../../system/entropy.ts';
import type { Log } from '../../../system/log.ts';
import type { Line, Outcome } from '../port/line.ts';
import { newPd, type PdKey, type PdNote, type PdState, resetPd } from '../session/pd.ts';
import { onMiss, onReply, onSilence, type PdStep } from '../session/session.ts';
import { nodeOfPd, type Sightings } from './node.ts';
import { answersPending, isInHandshake, isSettled, nextRequest, type PlanInput } from './plan.ts';
import type { OsdpTimings } from './timings.ts';

export interface PdSessionsDeps {
  bus: string;
  addresses: readonly number[];
  keyOf(address: number): PdKey | null;
  clock: MonotonicClock;
  wallClock: WallClock;
  entropy: Entropy;
  log: Log;
  timings: OsdpTimings;
  /** What is known of a PD changed. */
  onFacts(address: number): void;
}

/** The sessions of a bus: the driver of the pure session machine. */
export interface PdSessions {
  readonly addresses: readonly number[];
  pd(address: number): PdState;
  /**
   * One request to one PD and what came of it: a PD that misbehaves costs the others no more than this. Only a handshake that goes well is
   * brought to its end at once, as a cycle of a full line takes longer than a PD waits for the next step.
   */
  slot(line: Line, address: number, windowMs: number, statusCanWait?: boolean): Promise<Outcome>;
  /** Asks tamper and power at the next opportunity. */
  wantStatus(address: number): void;
  settled(address: number): boolean;
  /** True when the PD was asked who it is and does not say. One that insists on a channel may only have no key to say it with. */
  refusesIdentity(address: number): boolean;
  /** The port is gone: every session begins anew, and silence counts from now. Call again while it stays so. */
  linkDown(): void;
  nodes(): ReturnType<typeof nodeOfPd>[];
  node(address: number): ReturnType<typeof nodeOfPd>;
}

/** A PD that does the same thing over and over is worth a line this often; in between it is detail. */
const NOTE_INTERVAL_MS = 600_000;
/** What follows an identity told in clear: challenge and cryptogram, then identity, capabilities and status inside the channel. */
const HANDSHAKE_STEPS = 5;

export function createPdSessions({ bus, addresses, keyOf, clock, wallClock, entropy, log, timings, onFacts }: PdSessionsDeps): PdSessions {
  const pds = new Map(addresses.map((address) => [address, newPd(address, keyOf(address)?.kind === 'own')]));
  const sightings = new Map<number, Sightings>();
  /** When an event of a PD was last logged at its own level; as many entries as PDs and events there are. */
  const noted = new Map<string, number>();

  const planInput = (address: number): PlanInput => ({
    nowMs: clock.nowMs(),
    key: keyOf(address),
    random: (length) => entropy.bytes(length),
    timings,
  });

  const pd = (address: number) => {
    const found = pds.get(address);
    if (!found) throw new Error(`address ${address} is not configured on ${bus}`);
    return found;
  };

  const put = (next: PdState) => {
    const before = pd(next.address);
    pds.set(next.address, next);
    const news = next.facts !== before.facts || next.identityRefused !== before.identityRefused;
    if (news && next.seen) onFacts(next.address);
  };

  const write = (address: number, { level, event, message, fields }: PdNote) => {
    const nowMs = clock.nowMs();
    const key = `${address} ${event}`;
    const fresh = nowMs - (noted.get(key) ?? Number.NEGATIVE_INFINITY) >= NOTE_INTERVAL_MS;
    if (fresh) noted.set(key, nowMs);
    log[fresh ? level : 'debug']({ event, bus, address, ...fields }, message);
  };

  const sighted = (address: number) => {
    const nowMs = wallClock.nowMs();
    sightings.set(address, { firstMs: sightings.get(address)?.firstMs ?? nowMs, lastMs: nowMs });
  };

  const take = ({ pd: next, notes }: PdStep) => {
    // Only an answer that is believed is a sighting.
    if (next.lastReplyMs !== pd(next.address).lastReplyMs) sighted(next.address);
    put(next);
    for (const note of notes) write(next.address, note);
  };

  const node = (address: number) => nodeOfPd(bus, address, pd(address).facts, sightings.get(address)!);

  const exchange = async (line: Line, address: number, windowMs: number, statusCanWait: boolean) => {
    const { pd: asked, pending } = nextRequest(pd(address), { ...planInput(address), statusCanWait });
    pds.set(address, asked);
    const outcome = await line.transact({ bytes: pending.bytes, address, windowMs, answers: (frame) => answersPending(pending, frame) });
    if (outcome.kind === 'reply') take(onReply(pd(address), outcome.frame, clock.nowMs(), timings));
    else if (outcome.kind === 'silent') take(onSilence(pd(address), clock.nowMs(), timings));
    return { outcome, purpose: pending.purpose };
  };

  return {
    addresses,
    pd,
    node,

    async slot(line, address, windowMs, statusCanWait = false) {
      const { outcome, purpose } = await exchange(line, address, windowMs, statusCanWait);
      // A scan finds everybody first.
      if (purpose === 'capabilities') return outcome;
      let last = outcome;
      for (let step = 0; step < HANDSHAKE_STEPS && last.kind === 'reply' && isInHandshake(pd(address), planInput(address)); step++) {
        ({ outcome: last } = await exchange(line, address, timings.fullWaitMs, false));
      }
      return last;
    },

    wantStatus(address) {
      pds.set(address, { ...pd(address), statusMs: null });
    },

    settled: (address) => isSettled(pd(address), { ...planInput(address), statusCanWait: true }),

    refusesIdentity(address) {
      const { identityRefused, facts } = pd(address);
      return identityRefused && facts.identity === null;
    },

    linkDown() {
      for (const address of addresses) put(onMiss(resetPd(pd(address)), clock.nowMs(), timings));
    },

    nodes: () => addresses.filter((address) => pd(address).seen).map(node),
  };
}
