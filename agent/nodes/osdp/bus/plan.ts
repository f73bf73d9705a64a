import { supportsCrc, supportsSecureChannel } from '../codec/capabilities.ts';
import { COMMAND, KEY_TYPE, REPLY, SECURITY } from '../codec/codes.ts';
import { type Check, encodeFrame, type Frame, type FrameToSend } from '../codec/frame.ts';
import { preferred } from '../session/check-choice.ts';
import { dueAgain } from '../session/due-again.ts';
import { beginAnew } from '../session/handshake.ts';
import { type OpeningChoice, openingOf } from '../session/opening.ts';
import type { Channel, PdKey, PdState, Pending, Purpose } from '../session/pd.ts';
import { CHALLENGE_BYTES, computeMac, deriveKeys, encryptData } from '../session/secure-channel.ts';
import type { OsdpTimings } from './timings.ts';

/** What the next request depends on besides the session. */
export interface PlanInput {
  nowMs: number;
  /** The key to use with this PD, or null for a session in clear. */
  key: PdKey | null;
  /** Random bytes for a handshake. */
  random(length: number): Buffer;
  timings: OsdpTimings;
  /** Tamper and power that were asked before can wait, even when they are due. */
  statusCanWait?: boolean;
  /** The same of what is asked again now and then: identity, capabilities, attached readers, inputs and outputs. */
  factsCanWait?: boolean;
  /** How the dialogue is begun with a PD that is not available. Default `usual`. */
  opening?: OpeningChoice;
}

/** What a choice depends on. */
type Choice = Pick<PlanInput, 'nowMs' | 'key' | 'timings' | 'statusCanWait' | 'factsCanWait'>;

/** A command of the panel: its code and its data in clear. */
export interface OsdpCommand {
  code: number;
  data: Buffer;
}

const COMMANDS: Readonly<Record<Exclude<Purpose, 'challenge' | 'cryptogram' | 'operation'>, OsdpCommand>> = {
  identify: { code: COMMAND.id, data: Buffer.from([0]) },
  capabilities: { code: COMMAND.capabilities, data: Buffer.from([0]) },
  status: { code: COMMAND.localStatus, data: Buffer.alloc(0) },
  readers: { code: COMMAND.readerStatus, data: Buffer.alloc(0) },
  inputs: { code: COMMAND.inputStatus, data: Buffer.alloc(0) },
  outputs: { code: COMMAND.outputStatus, data: Buffer.alloc(0) },
  poll: { code: COMMAND.poll, data: Buffer.alloc(0) },
};

/** True when everything that is asked once has been asked: what remains is polling, and asking again now and then. */
export function isSettled(pd: PdState, input: Choice): boolean {
  const purpose = choosePurpose(pd, { ...input, factsCanWait: true });
  return pd.pending === null && (purpose === 'poll' || (purpose === 'identify' && pd.identifiedMs !== null));
}

/** True when the next request is a step of a handshake, or makes the first use of the channel. */
export function isInHandshake(pd: PdState, input: Choice): boolean {
  if (pd.pending !== null) return false;
  const { channel } = pd;
  return channel.phase === 'open' ? !channel.proven : ['challenge', 'cryptogram'].includes(choosePurpose(pd, input));
}

/** True when the PD's identity and capabilities were asked: what a scan pass is for. */
export function isDiscovered(pd: PdState): boolean {
  return pd.identifiedMs !== null && pd.capabilitiesMs !== null;
}

/** An own key comes first: a PD may refuse everything before the channel, and reports in clear are not authenticated. */
function choosePurpose(pd: PdState, { nowMs, key, timings, statusCanWait, factsCanWait }: Choice): Purpose {
  const { channel, facts } = pd;
  if (channel.phase === 'verified') return 'cryptogram';
  const closed = channel.phase === 'closed';
  if (closed && pd.sequence === 0 && pd.beginsWithPoll) return 'poll';
  const ready = key !== null && closed && nowMs >= pd.channelRetryMs;
  if (ready && key.kind === 'own') return 'challenge';
  if (pd.identifiedMs === null) return 'identify';
  if (pd.capabilitiesMs === null) return 'capabilities';
  const required = facts.security === 'required';
  if (ready && (required || (facts.capabilities !== null && supportsSecureChannel(facts.capabilities)))) return 'challenge';
  // A PD that requires a channel for which there is no key refuses everything but ID and CAP: a request for its identity shows that it is on-line.
  const locked = required && closed;
  const statusDueMs = pd.statusMs === null ? nowMs : pd.statusMs + (locked ? timings.channelRetryMs : timings.statusIntervalMs);
  if (nowMs >= statusDueMs && !(statusCanWait && pd.statusMs !== null)) return 'status';
  const again = factsCanWait ? null : dueAgain(pd, nowMs, timings);
  if (locked) return again === 'capabilities' ? again : 'identify';
  return again ?? 'poll';
}

/** The frame's own fields and MAC for a command inside an open channel. */
function protect(channel: Channel, data: Buffer): { parts: Partial<FrameToSend>; mac: () => Buffer | null } {
  let full: Buffer | null = null;
  if (channel.phase !== 'open') return { parts: { data }, mac: () => null };
  const { keys, pdMac } = channel;
  const sign = (authenticated: Buffer) => {
    full = computeMac(keys, pdMac, authenticated);
    return full;
  };
  const encrypted = data.length > 0;
  const type = encrypted ? SECURITY.commandMacEncrypted : SECURITY.commandMac;
  const parts = { security: { type, data: Buffer.alloc(0) }, data: encrypted ? encryptData(keys, pdMac, data) : data, mac: sign };
  return { parts, mac: () => full };
}

function keyTypeByte(key: PdKey['kind']): Buffer {
  return Buffer.from([key === 'own' ? KEY_TYPE.own : KEY_TYPE.default]);
}

/** What to send to this PD now: the pending request again, or the next one by the plan. */
export function nextRequest(before: PdState, input: PlanInput): { pd: PdState; pending: Pending } {
  if (before.pending && !isStale(before, input)) return { pd: before, pending: before.pending };
  const fresh = isStale(before, input) ? outdated(before, input) : before;
  const { capabilities } = fresh.facts;
  let pd = { ...fresh, check: preferred(fresh.check, capabilities !== null && supportsCrc(capabilities)) };
  let check = pd.check.kind;
  let purpose = choosePurpose(pd, input);
  if (!pd.facts.available) {
    const choice = input.opening ?? 'usual';
    const opening = openingOf(pd, choice, input.key);
    pd = { ...pd, lastOpening: opening, otherOpenings: pd.otherOpenings + (choice === 'other' ? 1 : 0) };
    check = opening.check;
    if (opening.first !== 'usual') purpose = opening.first;
  }
  if (purpose === 'challenge') return challengeOf(pd, input.key!, input.random(CHALLENGE_BYTES), check);
  const pending =
    purpose === 'cryptogram' ? cryptogramOf(pd, check) : pendingOf(pd, purpose, COMMANDS[purpose as keyof typeof COMMANDS], check);
  return { pd: { ...pd, pending }, pending };
}

function challengeOf(pd: PdState, key: PdKey, panelRandom: Buffer, check: Check): { pd: PdState; pending: Pending } {
  const security = { type: SECURITY.challenge, data: keyTypeByte(key.kind) };
  const bytes = encodeFrame({ address: pd.address, sequence: 0, check, code: COMMAND.challenge, data: panelRandom, security });
  const pending: Pending = { purpose: 'challenge', bytes, sequence: 0, repeats: 0, check, mac: null };
  const channel: Channel = { phase: 'challenged', key: key.kind, keys: deriveKeys(key.bytes(), panelRandom), panelRandom };
  return { pd: { ...pd, channel, pending }, pending };
}

/** The answer to the PD's cryptogram, in the channel's second phase. */
function cryptogramOf({ address, sequence, channel }: PdState, check: Check): Pending {
  if (channel.phase !== 'verified') throw new Error('no cryptogram was verified');
  const security = { type: SECURITY.serverCryptogram, data: keyTypeByte(channel.key) };
  const bytes = encodeFrame({ address, sequence, check, code: COMMAND.serverCryptogram, data: channel.cryptogram, security });
  return { purpose: 'cryptogram', bytes, sequence, repeats: 0, check, mac: null };
}

/** A command as the session stands: in its channel when one is open. */
function pendingOf(pd: PdState, purpose: Purpose, { code, data }: OsdpCommand, check: Check = pd.check.kind): Pending {
  const { address, sequence, channel } = pd;
  const { parts, mac } = protect(channel, data);
  const bytes = encodeFrame({ address, sequence, check, code, ...parts });
  return { purpose, bytes, sequence, repeats: 0, check, mac: mac() };
}

/** The request for a command that was asked for on the hub; nothing may be pending. */
export function operationRequest(pd: PdState, command: OsdpCommand): { pd: PdState; pending: Pending } {
  const pending = pendingOf(pd, 'operation', command);
  return { pd: { ...pd, pending }, pending };
}

/**
 * After so long a silence the PD has dropped the channel and may have been replaced: begin anew. In a channel only an answer with a
 * valid MAC ends the silence.
 */
function isStale(pd: PdState, { nowMs, timings }: PlanInput): boolean {
  const { channel, lastReplyMs } = pd;
  if (channel.phase === 'open' && channel.proven && nowMs - pd.vouchedMs >= timings.offlineAfterMs) return true;
  const begun = pd.sequence !== 0 || channel.phase !== 'closed';
  return begun && (lastReplyMs === null || nowMs - lastReplyMs >= timings.offlineAfterMs);
}

/** A handshake that made no step for so long did not fail: the cycle had no time to continue it. */
function outdated(pd: PdState, { nowMs, timings }: PlanInput): PdState {
  const open = pd.channel.phase === 'open';
  return beginAnew(open ? pd : { ...pd, channel: { phase: 'closed' } }, nowMs, timings).pd;
}

/** Whether a frame from the PD answers this request: BUSY and NAK may carry another sequence number, all others carry the request's. */
export function answersPending(pending: Pending, frame: Frame): boolean {
  return frame.sequence === pending.sequence || frame.code === REPLY.busy || frame.code === REPLY.nak;
}
