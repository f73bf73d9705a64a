import type { OsdpTimings } from '../bus/timings.ts';
import { supportsSecureChannel } from '../codec/capabilities.ts';
import { NAK, REPLY, SECURITY } from '../codec/codes.ts';
import { type Frame, MAC_BYTES, type Sequence } from '../codec/frame.ts';
import { decodeReply, type Reply } from '../codec/reply.ts';
import { askedNow, doubt, isDetail, onAnswer, refused } from './answers.ts';
import { forgotten, givenUp, preferred, provenBy } from './check-choice.ts';
import { doubtOf } from './doubt.ts';
import { assessSecurity, CONVINCING_REFUSALS, withoutChannel } from './expected-security.ts';
import { onQuiet } from './garbled.ts';
import { answerToChallenge, answerToCryptogram, beginAnew, refuse } from './handshake.ts';
import { type PdNote, type PdState, type Pending, resetPd, withFacts } from './pd.ts';
import { computeMac, decryptData, sameBytes } from './secure-channel.ts';
import { withoutStates } from './told.ts';

/** The next state and what to log. Facts changed when `pd.facts` is another object than before. */
export interface PdStep {
  pd: PdState;
  notes: PdNote[];
  /** What the PD answered to an operation; a refusal too. */
  answer?: Reply;
}

/** BUSY answers in a row after which the session begins anew. */
const MAX_BUSIES = 16;
/** How often one request is repeated, identical, before the session begins anew. */
const MAX_REPEATS = 1;
/** So many NAK 1 in a row from a PD that understood the check before, and it is another PD: a spoilt request is answered so too. */
const MAX_CHECK_NAKS = 3;
/** So many handshakes without an end, a minute of trying, and the key counts as one that does not fit. */
const HOPELESS_HANDSHAKES = 8;

function nextSequence(sequence: Sequence): Sequence {
  return sequence === 3 ? 1 : ((sequence + 1) as Sequence);
}

/** The request was answered: go on with the next one. */
function advance(pd: PdState, pending: Pending): PdState {
  return { ...pd, pending: null, sequence: nextSequence(pending.sequence) };
}

/** The PD cannot be asked, or does not answer: off-line after the silence that the standard names, counted from the first miss. */
export function onMiss(before: PdState, nowMs: number, timings: OsdpTimings): PdState {
  if (!before.facts.available) return before;
  const silentSinceMs = before.silentSinceMs ?? nowMs;
  const pd = { ...before, silentSinceMs };
  if (nowMs - silentSinceMs < timings.offlineAfterMs) return pd;
  const lost = { ...resetPd(pd), check: forgotten(pd.check), checkNaks: 0, otherOpenings: 0 };
  return withFacts(lost, { available: false });
}

/**
 * Nothing usable came back: repeat the identical frame once, then go back to sequence 0, and to the other check when this one was never
 * answered. An address without a known PD stays silent.
 */
export function onSilence(before: PdState, nowMs: number, timings: OsdpTimings, heard: 'nothing' | 'stray' | 'noise' = 'nothing'): PdStep {
  const pd = { ...before, noisy: heard === 'noise' };
  const { pending } = pd;
  if (!pd.facts.available) return { pd: resetPd(heard === 'nothing' ? onQuiet(pd) : pd), notes: [] };
  if (pending && pending.repeats < MAX_REPEATS) {
    return { pd: onMiss({ ...pd, pending: { ...pending, repeats: pending.repeats + 1 } }, nowMs, timings), notes: [] };
  }
  const next = beginAnew(pd.check.proven ? pd : { ...pd, check: givenUp(pd.check) }, nowMs, timings);
  return { pd: onMiss(next.pd, nowMs, timings), notes: next.notes };
}

/** The PD is on-line. `vouched`: a MAC proves that it has the key. */
function heard(pd: PdState, vouched: boolean, nowMs: number): PdState {
  const word = vouched ? { vouchedMs: nowMs, unvouched: 0 } : { unvouched: pd.unvouched + 1 };
  const quiet = { silentSinceMs: null, seen: true, busies: 0, noisy: false, garbled: 0 };
  const problem = pd.facts.problem === 'garbled' && !pd.noisyLink ? null : pd.facts.problem;
  return withFacts({ ...pd, ...word, ...quiet, lastReplyMs: nowMs }, { available: true, problem });
}

/** What the way in which a PD was asked shows of it, now that it answered. */
function met(pd: PdState, wasAvailable: boolean, { purpose, check }: Pending, frame: Frame): PdState {
  const begun = wasAvailable ? {} : { beginsWithPoll: purpose === 'poll' };
  // One that answers with a CRC can do CRC; or this is its late answer to a request that had one.
  return { ...pd, ...begun, check: preferred(provenBy(pd.check, check), frame.check === 'crc'), checkNaks: 0 };
}

/**
 * BUSY carries no MAC and answers nothing: it makes a new PD known, and delays its time-out by one session at most. It
 * does not bring a PD back on-line.
 */
function onBusy(before: PdState, nowMs: number, timings: OsdpTimings): PdStep {
  const met = before.seen ? before : withFacts({ ...before, seen: true, lastReplyMs: nowMs }, { available: true });
  const pd = { ...onMiss(met, nowMs, timings), busies: before.busies + 1 };
  if (pd.busies <= MAX_BUSIES) return { pd, notes: [] };
  return beginAnew(pd.channel.phase !== 'open' && pd.facts.available ? withoutChannel(pd) : pd, nowMs, timings);
}

/** A frame came that answers the pending request. One without a valid MAC proves no sender: `lastReplyMs` stays. */
export function onReply(before: PdState, frame: Frame, nowMs: number, timings: OsdpTimings): PdStep {
  const { pending } = before;
  if (!pending) return { pd: before, notes: [] };
  const busy = frame.code === REPLY.busy && !frame.mac;
  const step = busy ? onBusy(before, nowMs, timings) : onFrame(before, pending, frame, nowMs, timings);
  return { ...step, pd: assessSecurity(before, step.pd, nowMs, timings) };
}

function onFrame(before: PdState, pending: Pending, frame: Frame, nowMs: number, timings: OsdpTimings): PdStep {
  const opened = open(before, pending, frame);
  if (!opened.data) return onBroken(before, opened.reason, nowMs, timings);
  const alive = heard(opened.pd, frame.mac !== null, nowMs);
  const reply = decodeReply(frame.code, opened.data);
  if (reply.kind === 'nak' && reply.reason === NAK.check) return onCheckNak(alive, pending, nowMs, timings);
  const pd = met(alive, before.facts.available, pending, frame);
  if (pending.purpose === 'operation' && isWordOn(reply, pd)) return { pd: advance(pd, pending), notes: [], answer: reply };
  if (reply.kind === 'nak') return onNak(pd, pending, reply.reason, nowMs, timings);
  const said = doubtOf(pd, frame, reply);
  if (said !== null) return { pd: doubt(advance(pd, pending), reply, said), notes: [] };
  switch (pending.purpose) {
    case 'challenge':
      return answerToChallenge(advance(pd, pending), frame, nowMs, timings);
    case 'cryptogram':
      return answerToCryptogram(advance(pd, pending), frame, nowMs, timings);
    default:
      return onAnswer(advance({ ...pd, doubted: null }, pending), pending, reply, nowMs);
  }
}

/** A reply that is not accepted. */
function onBroken(pd: PdState, reason: 'mac' | 'padding' | 'clear', nowMs: number, timings: OsdpTimings): PdStep {
  const broken = channelBroken(reason);
  if (reason === 'clear') {
    const { pd: next, notes } = onSilence(pd, nowMs, timings);
    return { pd: next, notes: [broken, ...notes] };
  }
  const unproven = pd.channel.phase === 'open' && !pd.channel.proven;
  const { pd: ended, notes } = unproven ? refuse(pd, `wrong_${reason}`, nowMs, timings) : beginAnew(pd, nowMs, timings);
  return { pd: onMiss(resetPd(ended), nowMs, timings), notes: [broken, ...notes] };
}

/** Whether a reply is the PD's answer to an operation, and does not concern the frame or the session. */
function isWordOn(reply: Reply, { channel }: PdState): boolean {
  if (reply.kind !== 'nak') return true;
  const lostChannel = channel.phase !== 'closed' && reply.reason === NAK.secureChannelRequired;
  return reply.reason !== NAK.check && reply.reason !== NAK.sequence && !lostChannel;
}

type Opened = { pd: PdState; data: Buffer } | { data: null; reason: 'mac' | 'padding' | 'clear' };

/** Verifies and decrypts what came through an open channel; passes a reply outside of one. */
function open(pd: PdState, pending: Pending, frame: Frame): Opened {
  const { channel } = pd;
  if (channel.phase !== 'open' || !pending.mac) return frame.mac ? { data: null, reason: 'mac' } : { pd, data: frame.data };
  // A PD that lost the channel reports it in clear; no other reply in clear is accepted.
  if (!frame.mac) return frame.code === REPLY.nak ? { pd, data: frame.data } : { data: null, reason: 'clear' };
  const mac = computeMac(channel.keys, pending.mac, frame.authenticated);
  if (!sameBytes(mac.subarray(0, MAC_BYTES), frame.mac)) return { data: null, reason: 'mac' };
  const type = frame.security?.type;
  const encrypted = type === SECURITY.replyMacEncrypted || type === SECURITY.commandMacEncrypted;
  const data = encrypted ? decryptData(channel.keys, pending.mac, frame.data) : frame.data;
  return data ? { pd: { ...pd, channel: { ...channel, pdMac: mac } }, data } : { data: null, reason: 'padding' };
}

function channelBroken(reason: 'mac' | 'padding' | 'clear'): PdNote {
  const message = { mac: 'reply with a wrong MAC', padding: 'reply with wrong padding', clear: 'reply in clear inside the secure channel' }[
    reason
  ];
  return { level: 'warn', event: 'osdp_channel_broken', message, fields: { reason } };
}

/** NAK 1: the request was spoilt on its way, or the PD does not understand its check. One that never understood it is asked with the other one. */
function onCheckNak(before: PdState, pending: Pending, nowMs: number, timings: OsdpTimings): PdStep {
  const pd = { ...before, checkNaks: before.checkNaks + 1 };
  // An answer to another opening than the usual one proves nothing about the usual check.
  if (pending.check !== pd.check.kind) return { pd: resetPd(pd), notes: [] };
  const switched = { ...pd, check: givenUp(pd.check), checkNaks: 0 };
  // No step of a handshake failed: it was not understood at all.
  if (!pd.check.proven) return { pd: resetPd(switched), notes: [] };
  return pd.checkNaks < MAX_CHECK_NAKS ? onSilence(pd, nowMs, timings) : beginAnew(switched, nowMs, timings);
}

function onNak(pd: PdState, pending: Pending, reason: number, nowMs: number, timings: OsdpTimings): PdStep {
  const handshake = pending.purpose === 'challenge' || pending.purpose === 'cryptogram';
  switch (reason) {
    case NAK.record:
      return onSilence(pd, nowMs, timings);
    case NAK.sequence:
      return beginAnew(pd, nowMs, timings);
    default:
      break;
  }
  // In the middle of a handshake "a channel is required" is no answer: the PD lost the thread, or answered an earlier command late. To the
  // challenge it may also mean that there is no such key; which of the two shows when it goes on so.
  if (handshake && reason === NAK.secureChannelRequired)
    return beginAnew(pd, nowMs, timings, pending.purpose === 'challenge' ? 'no_key' : 'no_answer');
  if (handshake) {
    return pending.purpose === 'challenge'
      ? answerToChallenge(advance(pd, pending), null, nowMs, timings)
      : answerToCryptogram(advance(pd, pending), null, nowMs, timings);
  }
  const locks = reason === NAK.secureChannelRequired || reason === NAK.secureChannelUnsupported;
  if (locks && (!isDetail(pending.purpose) || pd.channel.phase !== 'closed')) {
    if (pd.channel.phase !== 'closed') return beginAnew(pd, nowMs, timings);
    const unread = { security: securityOfLocked(pd), tamper: null, powerFault: null };
    const locked = { ...advance(pd, pending), told: withoutStates(pd.told), statusMs: nowMs };
    return { pd: { ...withFacts(locked, unread), ...askedNow(pending.purpose, nowMs) }, notes: [] };
  }
  return refused(advance(pd, pending), pending, { kind: 'nak', reason }, nowMs);
}

/** A PD requires the channel and there is none: `required` when it is for want of a key, unknown while only answers were lost. */
function securityOfLocked({ guarded, facts, unansweredHandshakes, refusedHandshakes }: PdState): 'required' | null {
  if (guarded) {
    const hopeless = refusedHandshakes >= CONVINCING_REFUSALS || unansweredHandshakes >= HOPELESS_HANDSHAKES;
    return hopeless || facts.security === 'required' ? 'required' : null;
  }
  const trying = unansweredHandshakes > 0 && unansweredHandshakes < HOPELESS_HANDSHAKES;
  const capable = facts.capabilities !== null && supportsSecureChannel(facts.capabilities);
  return trying && capable && facts.security !== 'required' ? null : 'required';
}
