import { difference, type JsonObject, type Metadata, mergeSection, type Section, stamp } from './shadow-document.ts';
import type { ShadowRefusal, ShadowUpdate } from './shadow-request.ts';

/** One shadow as stored. A deleted one keeps its version: a new one of that name goes on counting from it. */
export interface Shadow {
  desired: Section | null;
  reported: Section | null;
  version: number;
  exists: boolean;
}

/** A document as it goes over the wire, without the client token. */
export interface ShadowAnswer {
  state: JsonObject | null;
  metadata: Metadata;
  version: number;
  timestamp: number;
}

export const NO_SHADOW: Shadow = { desired: null, reported: null, version: 0, exists: false };

/** What an accepted update leads to: the new shadow and the documents to publish. */
export interface ShadowChange {
  shadow: Shadow;
  accepted: ShadowAnswer;
  /** Null while desired and reported agree. */
  delta: ShadowAnswer | null;
}

/** Applies a checked update. `timestamp` is the cloud's time in epoch seconds. Pure: the given shadow is not changed. */
export function applyUpdate(shadow: Shadow, update: ShadowUpdate, timestamp: number, maxBytes: number): ShadowChange | ShadowRefusal {
  if (update.version !== undefined && update.version !== shadow.version) return { code: 409, message: 'Version conflict' };
  const { desired, reported } = update.state ?? { desired: null, reported: null };
  const next: Shadow = {
    desired: patchSection(shadow.desired, desired, timestamp),
    reported: patchSection(shadow.reported, reported, timestamp),
    version: shadow.version + 1,
    exists: true,
  };
  if (sizeOf(next) > maxBytes) return { code: 413, message: 'The payload exceeds the maximum size allowed' };
  // The answer echoes the request as it was, nulls with a time of their own included.
  const requested = update.state as JsonObject | null;
  const accepted: ShadowAnswer = { state: requested, metadata: stamp(requested, timestamp), version: next.version, timestamp };
  const delta = deltaOf(next);
  return { shadow: next, accepted, delta: delta && { ...delta, version: next.version, timestamp } };
}

/** The whole document; with the delta beside desired and reported, as a get answers it. */
export function documentOf(shadow: Shadow): { state: JsonObject; metadata: { [key: string]: Metadata }; version: number } {
  const state: JsonObject = {};
  const metadata: { [key: string]: Metadata } = {};
  for (const key of ['desired', 'reported'] as const) {
    const section = shadow[key];
    if (!section) continue;
    state[key] = section.state;
    metadata[key] = section.metadata;
  }
  return { state, metadata, version: shadow.version };
}

/** Desired values that are not reported. */
export function deltaOf(shadow: Shadow): Section | null {
  return shadow.desired && difference(shadow.desired, shadow.reported?.state ?? null);
}

function patchSection(section: Section | null, patch: JsonObject | null | undefined, timestamp: number): Section | null {
  if (patch === undefined) return section;
  if (patch === null) return null;
  const merged = mergeSection(section, patch, timestamp);
  return Object.keys(merged.state).length > 0 ? merged : null;
}

/** Bytes that count for the limit: the state without its metadata. */
function sizeOf(shadow: Shadow): number {
  return Buffer.byteLength(JSON.stringify(documentOf(shadow).state));
}
