import type { ShadowView } from '../../contract/shadow.ts';
import { boundDepth, countOf } from '../../system/bounded-json.ts';

/** The SDK's types promise shapes, but the values are the JSON of the message. Every function here takes any value. */

const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Epoch seconds: the SDK's types say `Date`, what comes is the number from the wire. */
const secondsOf = (timestamp: unknown): number => countOf(timestamp instanceof Date ? Math.floor(timestamp.getTime() / 1000) : timestamp);

/** The payload of a message. An empty one comes as a detached ArrayBuffer, of which `Buffer.from` throws (aws-crt 1.33). */
export function bytesOf(payload: unknown): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (ArrayBuffer.isView(payload)) return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload instanceof ArrayBuffer && payload.byteLength > 0) return Buffer.from(payload);
  return Buffer.alloc(0);
}

/** A delta as a view; null when it is not an object. */
export function deltaView(message: unknown): ShadowView | null {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return null;
  const { version, timestamp, state, metadata } = boundDepth(message) as Record<string, unknown>;
  return {
    source: 'delta',
    version: countOf(version),
    timestampSeconds: secondsOf(timestamp),
    desired: recordOf(state),
    desiredMetadata: recordOf(metadata),
    reported: null,
  };
}

/** The answer to a read as a view; an answer without a state is an empty shadow. */
export function readView(answer: unknown): ShadowView {
  const { version, timestamp, state, metadata } = recordOf(boundDepth(answer));
  return {
    source: 'read',
    version: countOf(version),
    timestampSeconds: secondsOf(timestamp),
    desired: recordOf(recordOf(state).desired),
    desiredMetadata: recordOf(recordOf(metadata).desired),
    reported: recordOf(recordOf(state).reported),
    onlineWrittenSeconds: secondsOf(recordOf(recordOf(recordOf(metadata).reported).online).timestamp),
  };
}

/** The shadow's version after an update; 0 when the answer has none. */
export function versionOf(answer: unknown): number {
  return countOf(recordOf(answer).version);
}
