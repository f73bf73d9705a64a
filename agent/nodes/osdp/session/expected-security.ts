import type { OsdpTimings } from '../bus/timings.ts';
import { type PdState, withFacts } from './pd.ts';
import { withoutStates } from './told.ts';

/** A single false proof may be the late answer to the handshake before. */
export const CONVINCING_REFUSALS = 2;
/** On a full slow line a PD waits longer than a session lives for its first handshake, but it is asked little meanwhile. */
const MIN_UNVOUCHED = 8;

/** What a channel showed is not known without it. What was learnt in clear stays: it is learnt anew in clear. */
export function withoutChannel(pd: PdState): PdState {
  const { security } = pd.facts;
  const shown = security === 'secured' || security === 'default_key';
  return shown ? withFacts({ ...pd, told: withoutStates(pd.told) }, { security: null, tamper: null, powerFault: null }) : pd;
}

/**
 * Assesses a PD for which an own key is configured, after a step of its session: it is not secured when it refused the handshake, or when it
 * answers and nothing of it carried a MAC for the time that a session lives (8 s; SIA OSDP 2.2, "Timing"). A silent PD is not judged.
 */
export function assessSecurity(before: PdState, after: PdState, nowMs: number, timings: OsdpTimings): PdState {
  if (!after.guarded || !after.facts.available) return after;
  const returned = before.facts.available ? after : withoutChannel(after);
  const pd = before.seen ? returned : { ...returned, vouchedMs: nowMs };
  const refused = pd.refusedHandshakes >= CONVINCING_REFUSALS;
  const unvouched = nowMs - pd.vouchedMs >= timings.offlineAfterMs && pd.unvouched >= MIN_UNVOUCHED;
  if (!refused && !unvouched) return pd;
  return withFacts(withoutChannel(pd), { securityReason: pd.channelProblem ?? 'no_answer' });
}
