import { join } from 'node:path';
import type { Claim } from '../../contract/shadow.ts';
import { CLAIM_FILE, CLAIM_SCHEMA, readClaim } from '../../state/claim-file.ts';
import { FORGOTTEN_CLAIM, forgottenClaimName, RESET_ASKED } from '../../state/reset-notes.ts';
import { messageOf } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { check } from '../../system/schema.ts';
import { sealed } from '../../system/seal.ts';
import { sameJson } from './merge-patch.ts';

/** To whom the hub belongs: comes with `desired.claim`, is kept on disk, and is reported back as the acknowledgement. */
export interface ClaimStore {
  /** Reads the stored claim. Never throws: a damaged one is logged and comes again with the shadow. */
  load(): Promise<void>;
  current(): Claim | null;
  /** False from a load that found a damaged claim until the shadow brings one: the hub is then not known to be unclaimed. */
  isKnown(): boolean;
  /**
   * Takes what stands in `desired.claim`; null when there is nothing new. A later claim replaces an earlier one. One that a factory reset forgot
   * is not taken again from the shadow, where it stays; another one is.
   */
  offer(desired: unknown): Promise<Claim | null>;
  /**
   * What a delta shows of a claim: only the fields that differ from the reported one (AWS IoT, "Device Shadow delta"), and again with every
   * report. True, once for each such part, when the shadow must be read to see the claim whole.
   */
  isNews(part: unknown): boolean;
  /** The shadow could not be read: the same part is news again. */
  unseen(): void;
}

/** What a new claim ends: the note of the claim before it, and a reset that could not be carried out for the owner before. */
const isNote = (name: string) => name.startsWith(FORGOTTEN_CLAIM) || name.startsWith(RESET_ASKED);

export function createClaimStore(deps: { files: Files; stateDirectory: string; log: Log }): ClaimStore {
  const { files, log } = deps;
  const path = join(deps.stateDirectory, CLAIM_FILE);
  let current: Claim | null = null;
  let known = true;
  let refused: unknown;
  let glimpsed: unknown;
  /** Names of the notes of a factory reset. */
  let forgotten: string[] = [];

  /** Another claim has come: what was forgotten before it may come again. */
  async function removeNotes(): Promise<void> {
    const names = forgotten;
    forgotten = [];
    for (const name of names) await files.remove(join(deps.stateDirectory, name));
  }

  return {
    async load() {
      try {
        forgotten = (await files.list(deps.stateDirectory)).filter(isNote);
      } catch (error) {
        log.error({ event: 'forgotten_claim_unknown', reason: messageOf(error) }, 'a claim that was forgotten may be taken again');
      }
      const found = await readClaim({ files, log }, deps.stateDirectory);
      known = found.state === 'sound' || found.state === 'absent';
      if (found.state !== 'sound') return;
      // A reset that was cut had noted the claim, and not yet removed it.
      if (!forgotten.includes(forgottenClaimName(found.value))) current = found.value;
      else await files.remove(path).catch((error: unknown) => log.warn({ event: 'claim_stays', path, reason: messageOf(error) }, 'claim'));
    },

    current: () => current,
    isKnown: () => known,

    isNews(part) {
      if (part === undefined || part === null || sameJson(part, glimpsed)) return false;
      glimpsed = part;
      return true;
    },

    unseen() {
      glimpsed = undefined;
    },

    async offer(desired) {
      if (desired === undefined || desired === null) return null;
      const checked = check(CLAIM_SCHEMA, desired);
      if (!checked.ok) {
        // The same bad claim stands in every view of the shadow: one line is enough.
        const reason = `${checked.field || 'claim'} ${checked.message}`;
        if (!sameJson(desired, refused)) log.warn({ event: 'claim_invalid', reason }, 'the claim is not valid');
        refused = desired;
        return null;
      }
      const claim = checked.value as Claim;
      if (sameJson(claim, current)) return null;
      if (forgotten.includes(forgottenClaimName(claim))) return null;
      current = claim;
      known = true;
      log.info({ event: 'claimed', orgId: current.orgId, siteId: current.siteId }, 'the hub is claimed');
      await files
        .writeAtomic(path, JSON.stringify(sealed(claim)))
        .then(removeNotes)
        .catch((error: unknown) => log.error({ event: 'claim_unstored', path, reason: messageOf(error) }, 'the claim cannot be stored'));
      return current;
    },
  };
}
