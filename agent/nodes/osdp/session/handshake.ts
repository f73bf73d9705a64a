import type { SecurityReason } from '../../../contract/node.ts';
import type { OsdpTimings } from '../bus/timings.ts';
import { REPLY, SECURITY } from '../codec/codes.ts';
import type { Frame } from '../codec/frame.ts';
import { CONVINCING_REFUSALS, withoutChannel } from './expected-security.ts';
import { type PdNote, type PdState, resetPd, withFacts } from './pd.ts';
import { BLOCK_BYTES, CHALLENGE_BYTES, clientCryptogram, initialMac, sameBytes, serverCryptogram } from './secure-channel.ts';

/** The client's answer: its identifier, its random number and its cryptogram. */
const CLIENT_ID_BYTES = 8;
const CRYPTOGRAM_ACCEPTED = 0x01;
/** So many handshakes without an end count as faults of the line; after them the pause is longer. */
const QUICK_HANDSHAKES = 6;

/** How a handshake, or a channel that never carried anything, ended; as logged. */
type Ending =
  | 'refused'
  | 'malformed'
  | 'key_type'
  | 'wrong_key'
  | 'cryptogram_refused'
  | 'wrong_mac'
  | 'wrong_padding'
  | 'no_key'
  | 'no_answer';

const REASONS: Readonly<Record<Ending, SecurityReason>> = {
  refused: 'refused',
  malformed: 'invalid',
  key_type: 'key_type',
  wrong_key: 'wrong_key',
  cryptogram_refused: 'wrong_key',
  wrong_mac: 'invalid',
  wrong_padding: 'invalid',
  no_key: 'no_key',
  no_answer: 'no_answer',
};

type Step = { pd: PdState; notes: PdNote[] };

/** The handshake failed: pause before the next one. A wrong own key never falls back to the default one. */
function leaveAlone(pd: PdState, reason: Ending, pauseMs: number, nowMs: number): Step {
  const key = 'key' in pd.channel ? pd.channel.key : null;
  const first = pd.channelRetryMs === 0;
  const channelProblem = REASONS[reason];
  const next = { ...pd, channel: { phase: 'closed' as const }, channelRetryMs: nowMs + pauseMs, channelProblem, statusMs: null };
  const note: PdNote = {
    level: first ? 'warn' : 'debug',
    event: 'osdp_channel_refused',
    message: 'no secure channel with this peripheral',
    fields: { reason, key },
  };
  // A PD that is only silent keeps its last known state.
  return { pd: pd.silentSinceMs === null || pd.unvouched > 0 ? withoutChannel(next) : next, notes: [note] };
}

/** A key that the PD does not have gives way to the next one that is known for it, at once; null: all were tried. */
function nextKey(pd: PdState): Step | null {
  if (pd.candidate + 1 >= pd.candidates) return null;
  return { pd: { ...withoutChannel(resetPd(pd)), candidate: pd.candidate + 1, channelRetryMs: 0 }, notes: [] };
}

/** The PD refused, or its proof is wrong. Where an own key is configured it is asked once more soon: that it is not secured is an alarm. */
export function refuse(pd: PdState, reason: Ending, nowMs: number, timings: OsdpTimings): Step {
  const other = nextKey(pd);
  if (other) return other;
  const refusedHandshakes = pd.refusedHandshakes + 1;
  const sure = !pd.guarded || refusedHandshakes >= CONVINCING_REFUSALS;
  const pauseMs = sure ? timings.channelRetryMs : timings.handshakePauseMs;
  return leaveAlone({ ...pd, candidate: 0, unansweredHandshakes: 0, refusedHandshakes }, reason, pauseMs, nowMs);
}

/**
 * Begins the session anew. A handshake that ends so, or a channel that never carried anything, makes a pause: tried again at once it would
 * leave no room for status and polls. The pause is short at first, as the line may only have lost the answer.
 */
export function beginAnew(pd: PdState, nowMs: number, timings: OsdpTimings, reason: 'no_answer' | 'no_key' = 'no_answer'): Step {
  const { channel, unansweredHandshakes } = pd;
  if (channel.phase === 'closed') {
    // It answers, and a whole session went by without the channel that is still shown.
    return { pd: resetPd(pd.silentSinceMs === null ? withoutChannel(pd) : pd), notes: [] };
  }
  if (channel.phase === 'open' && channel.proven) return { pd: resetPd(pd), notes: [] };
  const other = reason === 'no_key' ? nextKey(pd) : null;
  if (other) return other;
  const unanswered = unansweredHandshakes + 1;
  // One that does not answer may not have this key either.
  const candidate = (pd.candidate + 1) % pd.candidates;
  const pauseMs = unanswered < QUICK_HANDSHAKES ? timings.handshakePauseMs : timings.channelRetryMs;
  const left = leaveAlone({ ...pd, candidate, unansweredHandshakes: unanswered }, reason, pauseMs, nowMs);
  return { pd: resetPd(left.pd), notes: left.notes };
}

/** A status or a poll was answered inside the channel: the first one proves that it carries. */
export function prove(pd: PdState): Step {
  const { channel } = pd;
  if (channel.phase !== 'open' || channel.proven) return { pd, notes: [] };
  const { key } = channel;
  const note: PdNote = { level: 'info', event: 'osdp_channel_open', message: 'secure channel established', fields: { key } };
  const proven = { ...pd, channel: { ...channel, proven: true }, channelRetryMs: 0, channelProblem: null };
  return { pd: withFacts({ ...proven, unansweredHandshakes: 0, refusedHandshakes: 0 }, { securityReason: null }), notes: [note] };
}

/** The answer to the challenge: the PD must prove that it has the key. `frame` null: it refused. */
export function answerToChallenge(pd: PdState, frame: Frame | null, nowMs: number, timings: OsdpTimings): Step {
  const { channel } = pd;
  if (channel.phase !== 'challenged') return { pd, notes: [] };
  if (!frame || frame.code !== REPLY.clientCryptogram || frame.security?.type !== SECURITY.clientCryptogram)
    return refuse(pd, 'refused', nowMs, timings);
  if (frame.data.length !== CLIENT_ID_BYTES + CHALLENGE_BYTES + BLOCK_BYTES) return refuse(pd, 'malformed', nowMs, timings);
  if (frame.security.data[0] !== (channel.key === 'own' ? 1 : 0)) return refuse(pd, 'key_type', nowMs, timings);
  const pdRandom = frame.data.subarray(CLIENT_ID_BYTES, CLIENT_ID_BYTES + CHALLENGE_BYTES);
  const proof = frame.data.subarray(CLIENT_ID_BYTES + CHALLENGE_BYTES);
  const { key, keys, panelRandom } = channel;
  if (!sameBytes(proof, clientCryptogram(keys, panelRandom, pdRandom))) return refuse(pd, 'wrong_key', nowMs, timings);
  return { pd: { ...pd, channel: { phase: 'verified', key, keys, cryptogram: serverCryptogram(keys, panelRandom, pdRandom) } }, notes: [] };
}

/** The answer to our cryptogram: the PD accepted it and sends the first MAC. `frame` null: it refused. */
export function answerToCryptogram(pd: PdState, frame: Frame | null, nowMs: number, timings: OsdpTimings): Step {
  const { channel } = pd;
  if (channel.phase !== 'verified') return { pd, notes: [] };
  if (!frame || frame.code !== REPLY.initialMac || frame.security?.type !== SECURITY.initialMac)
    return refuse(pd, 'refused', nowMs, timings);
  if (frame.security.data[0] !== CRYPTOGRAM_ACCEPTED) return refuse(pd, 'cryptogram_refused', nowMs, timings);
  const { key, keys } = channel;
  const pdMac = initialMac(keys, channel.cryptogram);
  if (!sameBytes(frame.data, pdMac)) return refuse(pd, 'wrong_mac', nowMs, timings);
  // An answer in clear may come from any device on the line: ask again inside the channel. Under the public key that proves no more.
  const capabilitiesMs = key === 'own' || pd.facts.capabilities === null ? null : pd.capabilitiesMs;
  const anew = { identifiedMs: null, identityRefused: false, capabilitiesMs, statusMs: null, readersMs: null };
  return { pd: { ...pd, ...anew, channel: { phase: 'open', key, keys, pdMac, proven: false } }, notes: [] };
}
