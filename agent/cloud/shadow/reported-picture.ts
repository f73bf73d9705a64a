import type { LastCommand, Reported } from '../../contract/shadow.ts';
import { mergePatch, withoutNulls } from './merge-patch.ts';
import { fitted } from './reported-document.ts';

/** What never changes while the process runs. */
export type ReportedIdentity = Pick<Reported, 'hubId' | 'serial' | 'model' | 'vendorName' | 'version'>;
/** What other parts report through us. */
export type ReportedSections = Pick<
  Reported,
  'claim' | 'wifi' | 'certificate' | 'nodes' | 'lastCommand' | 'alarms' | 'alarmsOmitted' | 'takenOverAt' | 'update'
>;

/** A JSON object as it lies in the shadow. */
export type Document = Record<string, unknown>;

/** The moment of a decision, on every clock that the reported state shows, and its chance. */
export interface Moment {
  /** Monotonic milliseconds. */
  nowMs: number;
  /** Epoch milliseconds. */
  wallMs: number;
  uptimeSeconds: number;
  /** In [0, 1), for jitter. */
  random: number;
}

/** Everything the reported state is made of, apart from time. */
export interface Picture {
  identity: ReportedIdentity;
  /** A section that is present and undefined is taken out of the reported state. */
  sections: Partial<ReportedSections>;
  session: string;
  online: boolean;
  /** How far the document is cut down because the shadow is full; see `fitted`. */
  squeeze: number;
}

/** The whole reported state as it should be now. */
export function reportedDocument(picture: Picture, now: Moment, changes?: { lastCommand: LastCommand }): Document {
  const { identity, sections, session, online, squeeze } = picture;
  const reported: Reported = {
    online,
    session,
    lastSeen: now.wallMs,
    uptimeSeconds: Math.floor(now.uptimeSeconds),
    ...identity,
    ...sections,
    ...changes,
  };
  return { ...fitted(reported, squeeze) };
}

/**
 * The words of a command. In `reported` they would hide what equals them in `desired`: the Shadow service leaves it out of the delta, and the
 * command would arrive without these args, or not at all.
 */
const COMMAND_WORDS = ['command', 'args'];

/**
 * What must be sent for the service to hold the document. Only the hub's own keys are compared: others belong to other writers, except that the words
 * of a command are taken out. Sections that have not been set yet are as the last process left them. `held`: what the service holds, null when
 * that is unknown.
 */
export function patchTo(document: Document, held: Document | null, sections: Partial<ReportedSections>): Document {
  const keys = new Set([...Object.keys(document), ...Object.keys(sections), ...COMMAND_WORDS]);
  const ours = Object.fromEntries(Object.entries(held ?? {}).filter(([key]) => keys.has(key)));
  return mergePatch(ours, document) ?? {};
}

/**
 * The patch, and beside it everything that should be there already: restores what others deleted or overwrote without a read. The last command
 * is left out, which alone may be large; the daily comparison covers it.
 */
export function fullPatch(patch: Document, document: Document): Document {
  const full: Document = { ...patch };
  for (const [key, value] of Object.entries(document)) {
    if (key === 'lastCommand' || value === undefined) continue;
    const whole = withoutNulls(value);
    const part = patch[key];
    // Keys that must go are in the patch as null.
    full[key] = isObject(whole) && isObject(part) ? { ...part, ...whole } : whole;
  }
  return full;
}

const isObject = (value: unknown): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value);
