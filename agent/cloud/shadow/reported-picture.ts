import type { LastCommand, Reported } from '../../contract/shadow.ts';
import type { WallClock } from '../../system/clock.ts';
import { applyPatch, mergePatch } from './merge-patch.ts';
import { fitted } from './reported-document.ts';

/** What never changes while the process runs. */
export type ReportedIdentity = Pick<Reported, 'hubId' | 'serial' | 'model' | 'vendorName' | 'version'>;
/** What other parts report through us. */
export type ReportedSections = Pick<Reported, 'claim' | 'wifi' | 'certificate' | 'nodes' | 'lastCommand'>;

type Document = Record<string, unknown>;

/** What the hub has to say, what the Shadow service holds of it, and the difference. Sends nothing. */
export interface ReportedPicture {
  /** Changes sections; one that is undefined is taken out of the reported state. */
  set(changes: Partial<ReportedSections>): void;
  /** The whole reported state as it should be now. */
  document(state: { online: boolean; session: string }, changes?: { lastCommand: LastCommand }): Document;
  /** What must be sent for the service to hold the document; against nothing while nobody knows what it holds. */
  patchTo(document: Document): Document;
  /** What the service holds, as it was read. */
  known(reported: Document): void;
  /** The service took this patch. */
  taken(patch: Document): void;
  /** Nobody knows what the service holds. */
  forget(): void;
  isKnown(): boolean;
}

export function createReportedPicture(deps: {
  identity: ReportedIdentity;
  uptimeSeconds(): number;
  wallClock: WallClock;
}): ReportedPicture {
  /** Of our part; null when nobody knows. */
  let acknowledged: Document | null = null;
  let sections: ReportedSections = {};

  return {
    set(changes) {
      sections = { ...sections, ...changes };
    },

    document(state, changes) {
      const reported: Reported = {
        ...state,
        lastSeen: deps.wallClock.nowMs(),
        uptimeSeconds: Math.floor(deps.uptimeSeconds()),
        ...deps.identity,
        ...sections,
        ...changes,
      };
      return { ...fitted(reported) };
    },

    // Only what is ours is compared: other keys are somebody else's, and sections that nobody has set yet are as the last process left them.
    patchTo(document) {
      const keys = new Set([...Object.keys(document), ...Object.keys(sections)]);
      const ours = Object.fromEntries(Object.entries(acknowledged ?? {}).filter(([key]) => keys.has(key)));
      return mergePatch(ours, document) ?? {};
    },

    known(reported) {
      acknowledged = reported;
    },

    taken(patch) {
      if (acknowledged) acknowledged = applyPatch(acknowledged, patch);
    },

    forget() {
      acknowledged = null;
    },

    isKnown: () => acknowledged !== null,
  };
}
