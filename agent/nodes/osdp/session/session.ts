import type { NodeSecurity } from '../../../contract/node.ts';
import type { OsdpTimings } from '../bus/timings.ts';
import { supportsSecureChannel } from '../codec/capabilities.ts';
import { NAK, REPLY, SECURITY } from '../codec/codes.ts';
import { type Frame, MAC_BYTES, type Sequence } from '../codec/frame.ts';
import { decodeReply, type Identity, type Reply } from '../codec/reply.ts';
import { assessSecurity, CONVINCING_REFUSALS, withoutChannel } from './expected-security.ts';
import { answerToChallenge, answerToCryptogram, beginAnew, prove, refuse } from './handshake.ts';
import { type PdNote, type PdState, type Pending, type Purpose, resetPd, withFacts } from './pd.ts';
import { computeMac, decryptData, sameBytes } from './secure-channel.ts';

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
/** So many handshakes without an end, a minute of trying, and the key counts as one that does not fit. */
const HOPELESS_HANDSHAKES = 8;

function nextSequence(sequence: Sequence): Sequence {
  return sequence === 3 ? 1 : ((sequence + 1) as Sequence);
}

/** The request was answered: go on with the next one. */
function advance(pd: PdState, pending: Pending): PdState {
  return { ...pd, pending: null, sequence: nextSequence(pending.sequence) };
}

/** Nobody can be asked, or nobody answered: off-line after the silence the standard names, counted from the first miss. */
export function onMiss(before: PdState, nowMs: number, timings: OsdpTimings): PdState {
  if (!before.facts.available) return before;
  const silentSinceMs = before.silentSinceMs ?? nowMs;
  const pd = { ...before, silentSinceMs };
  return nowMs - silentSinceMs < timings.offlineAfterMs ? pd : withFacts(resetPd(pd), { available: false });
}

/** Nothing usable came back: repeat the identical frame once, then go back to sequence 0. An address that is not known to live just stays silent. */
export function onSilence(pd: PdState, nowMs: number, timings: OsdpTimings): PdStep {
  const { pending } = pd;
  const repeat = pending && pd.facts.available && pending.repeats < MAX_REPEATS;
  const next = repeat ? { pd: { ...pd, pending: { ...pending, repeats: pending.repeats + 1 } }, notes: [] } : beginAnew(pd, nowMs, timings);
  return { pd: onMiss(next.pd, nowMs, timings), notes: next.notes };
}

/** The PD lives. `vouched`: a MAC says that it is the one with the key. */
function heard(pd: PdState, vouched: boolean, nowMs: number): PdState {
  const word = vouched ? { vouchedMs: nowMs, unvouched: 0 } : { unvouched: pd.unvouched + 1 };
  return withFacts({ ...pd, ...word, lastReplyMs: nowMs, silentSinceMs: null, seen: true, busies: 0 }, { available: true });
}

/**
 * BUSY carries no MAC and answers nothing: it makes a new PD known, and holds off its silence for the time of one session, no longer. It
 * brings nobody back.
 */
function onBusy(before: PdState, nowMs: number, timings: OsdpTimings): PdStep {
  const met = before.seen ? before : withFacts({ ...before, seen: true, lastReplyMs: nowMs }, { available: true });
  const pd = { ...onMiss(met, nowMs, timings), busies: before.busies + 1 };
  if (pd.busies <= MAX_BUSIES) return { pd, notes: [] };
  return beginAnew(pd.channel.phase === 'closed' && pd.facts.available ? withoutChannel(pd) : pd, nowMs, timings);
}

/** A frame came that answers the pending request. One that its MAC does not vouch for is nobody's word: `lastReplyMs` stays. */
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
  const pd = heard(opened.pd, frame.mac !== null, nowMs);
  const reply = decodeReply(frame.code, opened.data);
  if (pending.purpose === 'operation' && isWordOn(reply, pd)) return { pd: advance(pd, pending), notes: [], answer: reply };
  if (reply.kind === 'nak') return onNak(pd, pending, reply.reason, nowMs, timings);
  switch (pending.purpose) {
    case 'challenge':
      return answerToChallenge(advance(pd, pending), frame, nowMs, timings);
    case 'cryptogram':
      return answerToCryptogram(advance(pd, pending), frame, nowMs, timings);
    default:
      return onAnswer(advance(pd, pending), pending, reply, nowMs);
  }
}

/** A reply that cannot be believed. */
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

/** Whether a reply is the PD's word on an operation, and not on the frame or the session that it came in. */
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
  // A PD that lost the channel says so in clear; nothing else is believed in clear.
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

function onNak(pd: PdState, pending: Pending, reason: number, nowMs: number, timings: OsdpTimings): PdStep {
  const handshake = pending.purpose === 'challenge' || pending.purpose === 'cryptogram';
  switch (reason) {
    case NAK.check:
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
  if (reason === NAK.secureChannelRequired || reason === NAK.secureChannelUnsupported) {
    if (pd.channel.phase !== 'closed') return beginAnew(pd, nowMs, timings);
    const unread = { security: securityOfLocked(pd), tamper: null, powerFault: null };
    const locked = { ...withFacts(advance(pd, pending), unread), statusMs: nowMs };
    const asked = { identify: { identified: true }, capabilities: { capabilitiesRefused: true } };
    return { pd: { ...locked, ...(asked as Partial<Record<Purpose, Partial<PdState>>>)[pending.purpose] }, notes: [] };
  }
  return refused(advance(pd, pending), pending, { kind: 'nak', reason }, nowMs);
}

/** A PD insists on the channel and there is none: `required` when it is for want of a key, unknown while only answers were lost. */
function securityOfLocked({ guarded, facts, unansweredHandshakes, refusedHandshakes }: PdState): 'required' | null {
  if (guarded) {
    const hopeless = refusedHandshakes >= CONVINCING_REFUSALS || unansweredHandshakes >= HOPELESS_HANDSHAKES;
    return hopeless || facts.security === 'required' ? 'required' : null;
  }
  const trying = unansweredHandshakes > 0 && unansweredHandshakes < HOPELESS_HANDSHAKES;
  const capable = facts.capabilities !== null && supportsSecureChannel(facts.capabilities);
  return trying && capable && facts.security !== 'required' ? null : 'required';
}

/** The PD does not do this command: do without, and ask again when the session begins anew. */
function refused(pd: PdState, pending: Pending, reply: Reply, nowMs: number): PdStep {
  const fields = {
    purpose: pending.purpose,
    reply: reply.kind,
    ...('reason' in reply && { nak: reply.reason }),
    ...('code' in reply && { code: reply.code }),
  };
  const notes: PdNote[] = [
    { level: 'debug', event: 'osdp_command_refused', message: 'the peripheral does not answer this command as the standard says', fields },
  ];
  switch (pending.purpose) {
    case 'identify': {
      // Whoever told its identity before was another one.
      const replaced = reply.kind === 'nak' && pd.facts.identity !== null;
      const asked = { ...pd, identified: true, identityRefused: true };
      return { pd: withFacts(asked, replaced ? { ...UNTOLD, identity: null } : {}), notes };
    }
    case 'capabilities':
      return { pd: { ...pd, capabilitiesRefused: true }, notes };
    case 'status':
      return { pd: { ...pd, statusMs: nowMs }, notes };
    default:
      return { pd, notes };
  }
}

/** What has to be learnt of another PD at the same address. */
const UNTOLD = { capabilities: null, security: null, tamper: null, powerFault: null } as const;

/** How the link is protected, as the answer just taken proves it; where an own key is configured, clear is only what it was judged to be. */
function provenSecurity({ channel, guarded, facts }: PdState): NodeSecurity | null {
  if (channel.phase === 'open') return channel.key === 'own' ? 'secured' : 'default_key';
  return guarded && facts.securityReason === null ? facts.security : 'none';
}

function sameDevice(a: Identity, b: Identity): boolean {
  return a.vendor === b.vendor && a.model === b.model && a.serialNumber === b.serialNumber;
}

/** The PD told who it is. */
function identify(pd: PdState, identity: Identity): PdStep {
  const known = pd.facts.identity;
  const identified = { ...pd, identified: true };
  const same = known !== null && sameDevice(known, identity);
  if (same && known.version === identity.version && known.firmware === identity.firmware) return { pd: identified, notes: [] };
  const notes: PdNote[] = [];
  if (same) {
    const fields = { before: known.firmware, after: identity.firmware };
    notes.push({ level: 'info', event: 'osdp_firmware_changed', message: 'the peripheral runs another firmware', fields });
  } else if (known) notes.push({ level: 'warn', event: 'osdp_pd_replaced', message: 'another peripheral answers at this address' });
  const fresh = { ...(known && !same ? UNTOLD : { capabilities: null }), identity };
  return { pd: withFacts({ ...identified, capabilitiesRefused: false, statusMs: null }, fresh), notes };
}

function onAnswer(pd: PdState, pending: Pending, reply: Reply, nowMs: number): PdStep {
  switch (pending.purpose) {
    case 'identify':
      return reply.kind === 'identity' ? identify(pd, reply.identity) : refused(pd, pending, reply, nowMs);
    case 'capabilities':
      if (reply.kind !== 'capabilities') return refused(pd, pending, reply, nowMs);
      return { pd: withFacts(pd, { capabilities: reply.capabilities }), notes: [] };
    default:
      return onStatus(pd, pending, reply, nowMs);
  }
}

function onStatus(before: PdState, pending: Pending, reply: Reply, nowMs: number): PdStep {
  if (pending.purpose === 'status' && reply.kind !== 'localStatus') return refused(before, pending, reply, nowMs);
  const { pd, notes } = prove(before);
  const security = provenSecurity(pd);
  if (reply.kind === 'localStatus') {
    const { tamper, powerFault } = reply;
    // Anybody on the line can say it in clear.
    const believed = !pd.guarded || pd.channel.phase === 'open';
    return { pd: withFacts({ ...pd, statusMs: nowMs }, { ...(believed && { tamper, powerFault }), security }), notes };
  }
  const next = withFacts(pd, { security });
  if (reply.kind === 'ack') return { pd: next, notes };
  const fields = { reply: reply.kind, ...('code' in reply && { code: reply.code, bytes: reply.bytes }) };
  return { pd: next, notes: [...notes, { level: 'debug', event: 'osdp_report', message: 'the peripheral reports something', fields }] };
}
