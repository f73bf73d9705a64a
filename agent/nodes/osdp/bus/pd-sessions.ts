import { type MonotonicClock, sleep, type WallClock } from '../../../system/clock.ts';
import type { Entropy } from '../../../system/entropy.ts';
import type { Log } from '../../../system/log.ts';
import type { Reply } from '../codec/reply.ts';
import { type BaseKey, isSameKey } from '../keys/key-record.ts';
import { pdKeyOf } from '../keys/key-ring.ts';
import type { Line, Outcome } from '../port/line.ts';
import { onNoisyLink, onSurplus } from '../session/clash.ts';
import { onBabble, onGarbled } from '../session/garbled.ts';
import { newPd, type PdKey, type PdNote, type PdState, type Pending, type Purpose, resetPd, withFacts } from '../session/pd.ts';
import { onMiss, onReply, onSilence, type PdStep } from '../session/session.ts';
import { believed } from './believed.ts';
import { nodeOfPd } from './node.ts';
import { createObservations } from './observations.ts';
import { answersPending, isInHandshake, isSettled, nextRequest, type OsdpCommand, operationRequest, type PlanInput } from './plan.ts';
import type { OsdpTimings } from './timings.ts';

export interface PdSessionsDeps {
  bus: string;
  addresses: readonly number[];
  /** The keys to try with a PD, in order; none: a session in clear. */
  keysOf(address: number): readonly BaseKey[];
  /** A channel is proven under this key. */
  onOpened(address: number, key: BaseKey): void;
  clock: MonotonicClock;
  wallClock: WallClock;
  entropy: Entropy;
  log: Log;
  timings: OsdpTimings;
  /** Reports of a PD are ignored unless its own key secures the link. */
  requireSecurity?: boolean;
  /** What is known of a PD changed. */
  onFacts(address: number): void;
}

/** How a slot is used. */
export interface SlotOptions extends Pick<PlanInput, 'statusCanWait' | 'factsCanWait' | 'opening'> {
  /** There is time to spare: the answer to a poll or a status may be looked at when it should be complete. */
  unhurried?: boolean;
  /** Called between the steps of a handshake: what must not wait for its end. Answers false when the line went down. */
  between?(): Promise<boolean>;
}

/** The sessions of a bus: the driver of the pure session machine. */
export interface PdSessions {
  readonly addresses: readonly number[];
  pd(address: number): PdState;
  /**
   * One request to one PD and what came of it: a PD that misbehaves delays the others by no more than this. Only a handshake that goes well is
   * brought to its end at once, as a cycle of a full line takes longer than a PD waits for the next step.
   */
  slot(line: Line, address: number, windowMs: number, options?: SlotOptions): Promise<Outcome>;
  /**
   * Sends one command that was asked for, in the session as it stands, and gives what the PD answered; null: no answer that counts, and it is
   * not known whether the command was carried out. `down`: the port went away.
   */
  operate(line: Line, address: number, command: OsdpCommand): Promise<Reply | null | 'down'>;
  /** The key under which its channel is open and proven; null: there is none. */
  provenKey(address: number): BaseKey | null;
  /** Other keys are to be tried than before. A channel under one of them stays open. */
  keysChanged(address: number): void;
  /** The next request begins a session, from the first key on. */
  restart(address: number): void;
  /** Ends the pause of a PD that refused the channel. */
  retryChannel(address: number): void;
  /** Forgets what is known of the PD: it counts as new when it answers again. */
  forget(address: number): void;
  /**
   * Asks tamper and power at the next opportunity, and identity and capabilities too, unless they were reported in the secure channel that is
   * still open: a PD that was restarted since has lost it.
   */
  wantFacts(address: number): void;
  /** Noise came as an answer, and none without a question; `false`: noise came without one too. */
  garbled(address: number, asAnswerOnly: boolean): void;
  /** More answers come from the address than questions go there; `false`: no longer. */
  surplus(address: number, found: boolean): void;
  settled(address: number): boolean;
  /** True when the PD was asked for its identity and does not report it. A PD that requires a channel may only lack the key. */
  refusesIdentity(address: number): boolean;
  /** The port is gone: every session begins anew, and silence counts from now. Call again while it stays so. */
  linkDown(): void;
  nodes(): ReturnType<typeof nodeOfPd>[];
  node(address: number): ReturnType<typeof nodeOfPd>;
}

/** A PD that does the same thing over and over is worth a line this often; in between it is detail. */
const NOTE_INTERVAL_MS = 600_000;
/** Between two repeats to a PD that is busy with a command: 16 of them are 1.6 s, time to write a key to its memory. */
const BUSY_PAUSE_MS = 100;
/** Their answers are short, and nearly as long as each other: when one should be complete is known from the one before. */
const OFTEN_ASKED: ReadonlySet<Purpose> = new Set<Purpose>(['poll', 'status']);
/** What follows an identity reported in clear: challenge and cryptogram, then identity, capabilities and status inside the channel. */
const HANDSHAKE_STEPS = 5;

/** Something is known of the address that is worth showing. */
const isShown = ({ seen, facts }: PdState) => seen || facts.problem !== null;
const isProven = ({ channel }: PdState) => channel.phase === 'open' && channel.proven;

export function createPdSessions({
  bus,
  addresses,
  keysOf,
  onOpened,
  clock,
  wallClock,
  entropy,
  log,
  timings,
  requireSecurity = false,
  onFacts,
}: PdSessionsDeps): PdSessions {
  const isGuarded = (keys: readonly BaseKey[]) => keys.some((key) => key !== 'default');
  const fresh = (address: number) => newPd(address, isGuarded(keysOf(address)), Math.max(1, keysOf(address).length));
  const pds = new Map(addresses.map((address) => [address, fresh(address)]));
  /** Under which key the last handshake of a PD began. */
  const inUse = new Map<number, BaseKey>();
  const observations = createObservations(wallClock);
  /** When an event of a PD was last logged at its own level; as many entries as PDs and events there are. */
  const noted = new Map<string, number>();

  const keyOf = (address: number): PdKey | null => {
    const key = keysOf(address)[pd(address).candidate];
    return key === undefined ? null : pdKeyOf(key);
  };

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
    if (news && (isShown(next) || isShown(before))) onFacts(next.address);
  };

  const write = (address: number, { level, event, message, fields }: PdNote) => {
    const nowMs = clock.nowMs();
    const key = `${address} ${event}`;
    const fresh = nowMs - (noted.get(key) ?? Number.NEGATIVE_INFINITY) >= NOTE_INTERVAL_MS;
    if (fresh) noted.set(key, nowMs);
    log[fresh ? level : 'debug']({ event, address, ...fields }, message);
  };

  const take = ({ pd: next, notes }: PdStep) => {
    const opened = isProven(next) && !isProven(pd(next.address)) ? inUse.get(next.address) : undefined;
    observations.stepped(pd(next.address), next);
    put(next);
    for (const note of notes) write(next.address, note);
    if (opened) onOpened(next.address, opened);
  };

  const node = (address: number) => {
    const told = nodeOfPd(bus, pd(address), observations.of(address));
    return requireSecurity ? believed(told, pd(address).guarded) : told;
  };

  const transact = async (line: Line, address: number, pending: Pending, windowMs: number, unhurried = false) => {
    const { bytes } = pending;
    const outcome = await line.transact({ bytes, address, windowMs, unhurried, answers: (frame) => answersPending(pending, frame) });
    observations.asked(pd(address), outcome);
    if (outcome.kind === 'down') return { outcome, answer: undefined };
    const reply = outcome.kind === 'reply';
    const step: PdStep = reply
      ? onReply(pd(address), outcome.frame, clock.nowMs(), timings)
      : onSilence(pd(address), clock.nowMs(), timings, outcome.heard);
    take(step);
    const noisy = pd(address).facts.available && observations.isNoisy(address);
    if (noisy !== pd(address).noisyLink) take(onNoisyLink(pd(address), noisy));
    return { outcome, answer: step.answer };
  };

  const exchange = async (line: Line, address: number, windowMs: number, options: SlotOptions = {}) => {
    const { pd: asked, pending } = nextRequest(pd(address), { ...planInput(address), ...options });
    if (pending.purpose === 'challenge') inUse.set(address, keysOf(address)[asked.candidate]!);
    pds.set(address, asked);
    const unhurried = options.unhurried === true && OFTEN_ASKED.has(pending.purpose) && pending.repeats === 0;
    const { outcome } = await transact(line, address, pending, windowMs, unhurried);
    return { outcome, purpose: pending.purpose };
  };

  /** Brings what is pending to its end, so that the next command can be sent. Answers false when the port went away. */
  const finishPending = async (line: Line, address: number) => {
    for (let pending = pd(address).pending; pending; pending = pd(address).pending) {
      if ((await transact(line, address, pending, timings.fullWaitMs)).outcome.kind === 'down') return false;
    }
    return true;
  };

  return {
    addresses,
    pd,
    node,

    async slot(line, address, windowMs, options) {
      const { outcome, purpose } = await exchange(line, address, windowMs, options);
      // A scan finds every PD first.
      if (purpose === 'capabilities') return outcome;
      let last = outcome;
      for (let step = 0; step < HANDSHAKE_STEPS && last.kind === 'reply' && isInHandshake(pd(address), planInput(address)); step++) {
        if (options?.between && !(await options.between())) return { kind: 'down' };
        ({ outcome: last } = await exchange(line, address, timings.fullWaitMs));
      }
      return last;
    },

    async operate(line, address, command) {
      if (!(await finishPending(line, address))) return 'down';
      const { pd: asked, pending } = operationRequest(pd(address), command);
      pds.set(address, asked);
      for (let sent: Pending | null = pending; sent?.purpose === 'operation'; sent = pd(address).pending) {
        const { outcome, answer } = await transact(line, address, sent, timings.fullWaitMs);
        if (outcome.kind === 'down') return 'down';
        if (answer) return answer;
        // BUSY: it may be writing its memory.
        if (outcome.kind === 'reply') await sleep(clock, BUSY_PAUSE_MS);
      }
      return null;
    },

    provenKey: (address) => (isProven(pd(address)) ? (inUse.get(address) ?? null) : null),

    keysChanged(address) {
      const before = pd(address);
      const keys = keysOf(address);
      const used = inUse.get(address);
      const at = before.channel.phase === 'closed' || !used ? 0 : keys.findIndex((key) => isSameKey(key, used));
      const kept = at < 0 ? resetPd(before) : before;
      const guarded = isGuarded(keys);
      const judged = guarded ? { vouchedMs: clock.nowMs(), unvouched: 0, refusedHandshakes: 0 } : {};
      const next = { ...kept, ...judged, guarded, candidates: Math.max(1, keys.length), candidate: Math.max(0, at) };
      put(guarded ? next : withFacts(next, { securityReason: null }));
    },

    restart(address) {
      pds.set(address, { ...resetPd(pd(address)), candidate: 0, channelRetryMs: 0 });
    },

    retryChannel(address) {
      pds.set(address, { ...pd(address), channelRetryMs: 0 });
    },

    forget(address) {
      pds.set(address, fresh(address));
      observations.forget(address);
    },

    wantFacts(address) {
      const { channel, facts, identifiedMs, identityRefused, capabilitiesMs } = pd(address);
      const told =
        facts.identity !== null && !identityRefused && facts.capabilities !== null && identifiedMs !== null && capabilitiesMs !== null;
      const vouched = channel.phase === 'open' && channel.proven && told;
      pds.set(address, { ...pd(address), statusMs: null, ...(!vouched && { identifiedMs: null, capabilitiesMs: null }) });
    },

    garbled: (address, asAnswerOnly) => take(asAnswerOnly ? onGarbled(pd(address)) : { pd: onBabble(pd(address)), notes: [] }),

    surplus: (address, found) => take(onSurplus(pd(address), found)),

    settled: (address) => isSettled(pd(address), { ...planInput(address), statusCanWait: true }),

    refusesIdentity(address) {
      const { identityRefused, facts } = pd(address);
      return identityRefused && facts.identity === null;
    },

    linkDown() {
      for (const address of addresses) put(onMiss(resetPd(pd(address)), clock.nowMs(), timings));
    },

    nodes: () => addresses.filter((address) => isShown(pd(address))).map(node),
  };
}
