import type { NodeProblem, NodeSecurity, SecurityReason } from '../../../contract/node.ts';
import type { Check, Sequence } from '../codec/frame.ts';
import type { Capability, Identity } from '../codec/reply.ts';
import { type CheckChoice, CRC_FIRST } from './check-choice.ts';
import type { ChannelKeys } from './secure-channel.ts';

/** What is known of a PD; a new object whenever something in it changed. Unknown is null. */
export interface PdFacts {
  available: boolean;
  identity: Identity | null;
  capabilities: readonly Capability[] | null;
  security: NodeSecurity | null;
  /** Why the own key does not secure the link; null while it does, while that is not judged yet, and without an own key. */
  securityReason: SecurityReason | null;
  /** Of the PD itself, or of a reader attached to it. */
  tamper: boolean | null;
  powerFault: boolean | null;
  /** What is wrong at an address that gives no answer. */
  problem: NodeProblem | null;
}

/** What a PD tells that changes often. It is shown to whoever asks and is no fact: its changes are not reported by themselves. */
export interface Told {
  /** One byte for each input (SIA OSDP 2.2.2, table 52); a new array each time they are told. Null: not told, or not to be believed any more. */
  readonly inputs: readonly number[] | null;
  /** The same of outputs: 0 inactive, 1 active. */
  readonly outputs: readonly number[] | null;
  /** Cards read since this PD came. */
  readonly cards: number;
}

export const NOTHING_TOLD: Told = { inputs: null, outputs: null, cards: 0 };

/** What a request is for. `operation`: a command that was asked for on the hub. */
export type Purpose = 'identify' | 'capabilities' | 'status' | Detail | 'poll' | 'challenge' | 'cryptogram' | 'operation';

/** What a PD may not be able to tell although it tells its status. */
export type Detail = 'readers' | 'inputs' | 'outputs';

/** A request without an answer yet. It is kept as bytes, because a repeat must be identical. */
export interface Pending {
  purpose: Purpose;
  bytes: Buffer;
  sequence: Sequence;
  repeats: number;
  check: Check;
  /** The request's full MAC when it went through the secure channel. */
  mac: Buffer | null;
}

/** How a dialogue with a PD that does not answer yet is begun. */
export interface Opening {
  check: Check;
  /** `usual`: as the session's plan says. */
  first: 'usual' | 'identify' | 'poll' | 'challenge';
}

/** A base key for one PD and whether it is the public default one. */
export interface PdKey {
  kind: 'own' | 'default';
  /** The 16 bytes, for one handshake. */
  bytes(): Buffer;
}

/** The secure channel's progress. */
export type Channel =
  | { phase: 'closed' }
  | { phase: 'challenged'; key: PdKey['kind']; keys: ChannelKeys; panelRandom: Buffer }
  | { phase: 'verified'; key: PdKey['kind']; keys: ChannelKeys; cryptogram: Buffer }
  /** `pdMac`: the last MAC the PD sent, all 16 bytes. `proven`: a status or a poll was answered inside. */
  | { phase: 'open'; key: PdKey['kind']; keys: ChannelKeys; pdMac: Buffer; proven: boolean };

/** The session with one PD: the pure machine's state. Times are monotonic milliseconds. */
export interface PdState {
  readonly address: number;
  /** An own key is configured: the link counts only when it is secured with it. */
  readonly guarded: boolean;
  /** How many keys are known for it, at least 1, and which of them is tried: they are tried in turn until one fits. */
  readonly candidates: number;
  readonly candidate: number;
  readonly facts: PdFacts;
  /** True once it answered: before, it is only an address. */
  readonly seen: boolean;
  /** The sequence number of the next new request. */
  readonly sequence: Sequence;
  readonly pending: Pending | null;
  /** BUSY answers in a row. */
  readonly busies: number;
  readonly lastReplyMs: number | null;
  /** When it first failed to answer since its last answer. BUSY is no answer. */
  readonly silentSinceMs: number | null;
  readonly channel: Channel;
  /** No handshake before this time. */
  readonly channelRetryMs: number;
  /** Handshakes in a row without a result: their answers were lost, or invalid. */
  readonly unansweredHandshakes: number;
  /** Handshakes in a row that ended with a refusal or a wrong proof. */
  readonly refusedHandshakes: number;
  /** How the last handshake failed since the channel was last proven. */
  readonly channelProblem: SecurityReason | null;
  /** When an answer last had a valid MAC; at first, when the PD was found. */
  readonly vouchedMs: number;
  /** Answers since then without a valid MAC. */
  readonly unvouched: number;
  /** When the identity was last answered or refused; null: to be asked now, as at the beginning of a session. */
  readonly identifiedMs: number | null;
  /** The PD does not report its identity, although it does not require a channel for it. */
  readonly identityRefused: boolean;
  /** When the capabilities were last answered or refused; null: to be asked now. */
  readonly capabilitiesMs: number | null;
  /** When tamper and power were last answered or refused; null: to be asked now. */
  readonly statusMs: number | null;
  /** When the tamper of attached readers was last answered or refused; null: to be asked at leisure. */
  readonly readersMs: number | null;
  /** The same of inputs and outputs. */
  readonly inputsMs: number | null;
  readonly outputsMs: number | null;
  readonly ownTamper: boolean | null;
  readonly readerTamper: boolean | null;
  readonly told: Told;
  readonly check: CheckChoice;
  /** NAK 1 in a row. */
  readonly checkNaks: number;
  /** It was found by a POLL: its sessions begin with one. */
  readonly beginsWithPoll: boolean;
  readonly lastOpening: Opening | null;
  /** How often another opening than the usual one was tried since it was last available. */
  readonly otherOpenings: number;
  /** A reply that must be received once more to be accepted; null: none. */
  readonly doubted: string | null;
  /** The last request got noise instead of an answer. */
  readonly noisy: boolean;
  /** How often in a row noise came as an answer, and only as an answer. */
  readonly garbled: number;
  /** Noise comes from it as often as an answer. */
  readonly noisyLink: boolean;
  /** More answers come from the address than questions go there. */
  readonly surplus: boolean;
  /** Who answered before the one that answers now, and how often two of them took turns. */
  readonly former: Identity | null;
  readonly turns: number;
}

/** Something worth a log line; `event` is stable. */
export interface PdNote {
  level: 'debug' | 'info' | 'warn';
  event: string;
  message: string;
  fields?: Record<string, unknown>;
}

const NOTHING_KNOWN: PdFacts = {
  available: false,
  identity: null,
  capabilities: null,
  security: null,
  securityReason: null,
  tamper: null,
  powerFault: null,
  problem: null,
};

/** An address without an answer yet. `guarded`: an own key is known for it. `candidates`: how many keys are. */
export function newPd(address: number, guarded: boolean, candidates = 1): PdState {
  return {
    address,
    guarded,
    candidates,
    candidate: 0,
    facts: NOTHING_KNOWN,
    seen: false,
    sequence: 0,
    pending: null,
    busies: 0,
    lastReplyMs: null,
    silentSinceMs: null,
    channel: { phase: 'closed' },
    channelRetryMs: 0,
    unansweredHandshakes: 0,
    refusedHandshakes: 0,
    channelProblem: null,
    vouchedMs: 0,
    unvouched: 0,
    identifiedMs: null,
    identityRefused: false,
    capabilitiesMs: null,
    statusMs: null,
    readersMs: null,
    inputsMs: null,
    outputsMs: null,
    ownTamper: null,
    readerTamper: null,
    told: NOTHING_TOLD,
    check: CRC_FIRST,
    checkNaks: 0,
    beginsWithPoll: false,
    lastOpening: null,
    otherOpenings: 0,
    doubted: null,
    noisy: false,
    garbled: 0,
    noisyLink: false,
    surplus: false,
    former: null,
    turns: 0,
  };
}

/** Begins the session anew: sequence 0 resets the PD and ends its secure channel, and it may be another PD than before. Facts stay. */
export function resetPd(pd: PdState): PdState {
  return {
    ...pd,
    sequence: 0,
    pending: null,
    busies: 0,
    channel: { phase: 'closed' },
    identifiedMs: null,
    identityRefused: false,
    // Of the same PD they are known: the longest frame is not asked for again.
    capabilitiesMs: pd.facts.capabilities === null ? null : pd.capabilitiesMs,
    statusMs: null,
    readersMs: null,
    inputsMs: null,
    outputsMs: null,
    doubted: null,
  };
}

/** Changes facts, keeping the object when nothing changes. */
export function withFacts(pd: PdState, changes: Partial<PdFacts>): PdState {
  const changed = (Object.keys(changes) as (keyof PdFacts)[]).some((key) => pd.facts[key] !== changes[key]);
  return changed ? { ...pd, facts: { ...pd.facts, ...changes } } : pd;
}
