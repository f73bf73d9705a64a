import { supportsSecureChannel } from '../codec/capabilities.ts';
import { COMMAND, KEY_TYPE, REPLY, SECURITY } from '../codec/codes.ts';
import { encodeFrame, type Frame, type FrameToSend } from '../codec/frame.ts';
import { beginAnew } from '../session/handshake.ts';
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
}

/** What a choice depends on. */
type Choice = Pick<PlanInput, 'nowMs' | 'key' | 'timings' | 'statusCanWait'>;

/** A command of the panel: its code and its data in clear. */
export interface OsdpCommand {
  code: number;
  data: Buffer;
}

const COMMANDS: Readonly<Record<Exclude<Purpose, 'challenge' | 'cryptogram' | 'operation'>, OsdpCommand>> = {
  identify: { code: COMMAND.id, data: Buffer.from([0]) },
  capabilities: { code: COMMAND.capabilities, data: Buffer.from([0]) },
  status: { code: COMMAND.localStatus, data: Buffer.alloc(0) },
  poll: { code: COMMAND.poll, data: Buffer.alloc(0) },
};

/** True when everything that is asked once has been asked: what remains is polling. */
export function isSettled(pd: PdState, input: Choice): boolean {
  const purpose = choosePurpose(pd, input);
  return pd.pending === null && (purpose === 'poll' || (purpose === 'identify' && pd.identified));
}

/** True when the next request is a step of a handshake, or makes the first use of the channel. */
export function isInHandshake(pd: PdState, input: Choice): boolean {
  if (pd.pending !== null) return false;
  const { channel } = pd;
  return channel.phase === 'open' ? !channel.proven : ['challenge', 'cryptogram'].includes(choosePurpose(pd, input));
}

/** True when the PD's identity and capabilities were asked: what a scan pass is for. */
export function isDiscovered(pd: PdState): boolean {
  return pd.identified && (pd.facts.capabilities !== null || pd.capabilitiesRefused);
}

function choosePurpose(pd: PdState, { nowMs, key, timings, statusCanWait }: Choice): Purpose {
  if (pd.channel.phase === 'verified') return 'cryptogram';
  if (!pd.identified) return 'identify';
  if (!isDiscovered(pd)) return 'capabilities';
  const required = pd.facts.security === 'required';
  // With an own key, what a PD says of itself in clear is no reason to do without the channel.
  const capable = required || pd.guarded || (pd.facts.capabilities !== null && supportsSecureChannel(pd.facts.capabilities));
  if (key && capable && pd.channel.phase === 'closed' && nowMs >= pd.channelRetryMs) return 'challenge';
  // A PD that insists on a channel we cannot give it refuses everything but ID and CAP: asking its identity shows that it lives.
  const locked = required && pd.channel.phase === 'closed';
  const statusDueMs = pd.statusMs === null ? nowMs : pd.statusMs + (locked ? timings.channelRetryMs : timings.statusIntervalMs);
  if (nowMs >= statusDueMs && !(statusCanWait && pd.statusMs !== null)) return 'status';
  return locked ? 'identify' : 'poll';
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
  let pd = isStale(before, input) ? beginAnew(before, input.nowMs, input.timings).pd : before;
  const purpose = choosePurpose(pd, input);
  const { address } = pd;
  let pending: Pending;
  if (purpose === 'challenge') {
    const key = input.key!;
    const panelRandom = input.random(CHALLENGE_BYTES);
    const security = { type: SECURITY.challenge, data: keyTypeByte(key.kind) };
    const bytes = encodeFrame({ address, sequence: 0, code: COMMAND.challenge, data: panelRandom, security });
    pending = { purpose, bytes, sequence: 0, repeats: 0, mac: null };
    pd = { ...pd, channel: { phase: 'challenged', key: key.kind, keys: deriveKeys(key.bytes(), panelRandom), panelRandom } };
  } else if (purpose === 'cryptogram' && pd.channel.phase === 'verified') {
    const security = { type: SECURITY.serverCryptogram, data: keyTypeByte(pd.channel.key) };
    const bytes = encodeFrame({ address, sequence: pd.sequence, code: COMMAND.serverCryptogram, data: pd.channel.cryptogram, security });
    pending = { purpose, bytes, sequence: pd.sequence, repeats: 0, mac: null };
  } else {
    pending = pendingOf(pd, purpose, COMMANDS[purpose as keyof typeof COMMANDS]);
  }
  return { pd: { ...pd, pending }, pending };
}

/** A command as the session stands: in its channel when one is open. */
function pendingOf({ address, sequence, channel }: PdState, purpose: Purpose, { code, data }: OsdpCommand): Pending {
  const { parts, mac } = protect(channel, data);
  const bytes = encodeFrame({ address, sequence, code, ...parts });
  return { purpose, bytes, sequence, repeats: 0, mac: mac() };
}

/** The request for a command that was asked for on the hub; nothing may be pending. */
export function operationRequest(pd: PdState, command: OsdpCommand): { pd: PdState; pending: Pending } {
  const pending = pendingOf(pd, 'operation', command);
  return { pd: { ...pd, pending }, pending };
}

/**
 * After so long a silence the PD has dropped the channel and may have been replaced: begin anew. In a channel only an answer that a MAC
 * vouches for breaks the silence.
 */
function isStale(pd: PdState, { nowMs, timings }: PlanInput): boolean {
  const { channel, lastReplyMs } = pd;
  if (channel.phase === 'open' && channel.proven && nowMs - pd.vouchedMs >= timings.offlineAfterMs) return true;
  const begun = pd.sequence !== 0 || channel.phase !== 'closed';
  return begun && (lastReplyMs === null || nowMs - lastReplyMs >= timings.offlineAfterMs);
}

/** Whether a frame from the PD answers this request: BUSY and NAK may carry another sequence number, all others carry the request's. */
export function answersPending(pending: Pending, frame: Frame): boolean {
  return frame.sequence === pending.sequence || frame.code === REPLY.busy || frame.code === REPLY.nak;
}
