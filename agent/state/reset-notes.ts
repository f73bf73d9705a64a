import { createHash } from 'node:crypto';
import type { Claim } from '../contract/shadow.ts';

/**
 * What a factory reset leaves in the state directory for the next start of the agent. Names of empty files only: hubctl writes them as root when
 * no agent runs, and what they held could then not be read by the agent.
 */

/** NetworkManager still has to forget the agent's Wi-Fi profiles. */
export const FORGET_WIFI = 'forget-wifi';

/** Begins the name that stands for a forgotten claim. */
export const FORGOTTEN_CLAIM = 'forgotten-claim-';

/** A claim as a text: the same claim always has the same. */
function claimText({ orgId, siteId, claimedBy, claimedAt }: Claim): string {
  return JSON.stringify({ orgId, siteId, claimedBy, claimedAt });
}

/** The name for a claim. A digest: whose the hub was is forgotten too. */
export function forgottenClaimName(claim: Claim): string {
  return FORGOTTEN_CLAIM + createHash('sha256').update(claimText(claim)).digest('hex');
}

/** Begins the name of a note: a reset of the kind that follows was requested, and is not done yet. */
export const RESET_ASKED = 'reset-asked-';

/** What a reset takes: `state`, what the agent learns again; `factory`, also claim, commands and Wi-Fi networks. */
export type ResetKind = 'state' | 'factory';
