import type { OsdpTimings } from '../bus/timings.ts';
import { supportsSecureChannel } from '../codec/capabilities.ts';
import { NAK, REPLY, SECURITY } from '../codec/codes.ts';
import { type Frame, MAC_BYTES, type Sequence } from '../codec/frame.ts';
import { decodeReply, type Identity, type Reply } from '../codec/reply.ts';
import { answerToChallenge, answerToCryptogram, beginAnew, prove, refuse } from './handshake.ts';
import { type PdNote, type PdState, type Pending, resetPd, withFacts } from './pd.ts';
import { computeMac, decryptData, sameBytes } from './secure-channel.ts';

/** The next state and what to log. Facts changed when `pd.facts` is another object than before. */
export interface PdStep {
  pd: PdState;
  notes: PdNote[];
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

/** The PD lives. */
function heard(pd: PdState, nowMs: number): PdState {
  return withFacts({ ...pd, lastReplyMs: nowMs, silentSinceMs: null, seen: true }, { available: true });
}

/** A frame came that answers the pending request. One that its MAC does not vouch for is nobody's word: `lastReplyMs` stays. */
export function onReply(before: PdState, frame: Frame, nowMs: number, timings: OsdpTimings): PdStep {
  const { pending } = before;
  if (!pending) return { pd: before, notes: [] };
  if (frame.code === REPLY.busy && !frame.mac) {
    const busy = { ...heard(before, nowMs), busies: before.busies + 1 };
    return busy.busies > MAX_BUSIES ? beginAnew(busy, nowMs, timings) : { pd: busy, notes: [] };
  }
  const opened = open(before, pending, frame);
  if (!opened.data) return onBroken(before, opened.reason, nowMs, timings);
  const pd = { ...heard(opened.pd, nowMs), busies: 0 };
  const reply = decodeReply(frame.code, opened.data);
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
  // In the middle of a handshake "a channel is required" is no answer: the PD lost the thread, or answered an earlier command late.
  if (handshake && reason === NAK.secureChannelRequired) return beginAnew(pd, nowMs, timings);
  if (handshake) {
    return pending.purpose === 'challenge'
      ? answerToChallenge(advance(pd, pending), null, nowMs, timings)
      : answerToCryptogram(advance(pd, pending), null, nowMs, timings);
  }
  if (reason === NAK.secureChannelRequired || reason === NAK.secureChannelUnsupported) {
    if (pd.channel.phase !== 'closed') return beginAnew(pd, nowMs, timings);
    const unread = { security: securityOfLocked(pd), tamper: null, powerFault: null };
    const locked = { ...withFacts(advance(pd, pending), unread), statusMs: nowMs };
    return { pd: pending.purpose === 'identify' ? { ...locked, identified: true } : locked, notes: [] };
  }
  return refused(advance(pd, pending), pending, { kind: 'nak', reason }, nowMs);
}

/** A PD insists on the channel and there is none: `required` when it is for want of a key, unknown while only answers were lost. */
function securityOfLocked({ facts, unansweredHandshakes }: PdState): 'required' | null {
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
      return { pd: withFacts({ ...pd, identified: true }, replaced ? { ...UNTOLD, identity: null } : {}), notes };
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

/** How the link is protected, as the answer just taken proves it. */
function provenSecurity(pd: PdState): 'none' | 'default_key' | 'secured' {
  if (pd.channel.phase !== 'open') return 'none';
  return pd.channel.key === 'own' ? 'secured' : 'default_key';
}

function sameIdentity(a: Identity, b: Identity): boolean {
  return (
    a.vendor === b.vendor &&
    a.model === b.model &&
    a.version === b.version &&
    a.serialNumber === b.serialNumber &&
    a.firmware === b.firmware
  );
}

function onAnswer(pd: PdState, pending: Pending, reply: Reply, nowMs: number): PdStep {
  switch (pending.purpose) {
    case 'identify': {
      if (reply.kind !== 'identity') return refused(pd, pending, reply, nowMs);
      const known = pd.facts.identity;
      const identified = { ...pd, identified: true };
      if (known && sameIdentity(known, reply.identity)) return { pd: identified, notes: [] };
      const fresh = { ...(known ? UNTOLD : { capabilities: null }), identity: reply.identity };
      const notes: PdNote[] = known
        ? [{ level: 'warn', event: 'osdp_pd_replaced', message: 'another peripheral answers at this address' }]
        : [];
      return { pd: withFacts({ ...identified, capabilitiesRefused: false, statusMs: null }, fresh), notes };
    }
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
    return { pd: withFacts({ ...pd, statusMs: nowMs }, { tamper, powerFault, security }), notes };
  }
  const next = withFacts(pd, { security });
  if (reply.kind === 'ack') return { pd: next, notes };
  const fields = { reply: reply.kind, ...('code' in reply && { code: reply.code, bytes: reply.bytes }) };
  return { pd: next, notes: [...notes, { level: 'debug', event: 'osdp_report', message: 'the peripheral reports something', fields }] };
}
