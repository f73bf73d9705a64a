import type { Json, JsonObject } from '../shadow-document.ts';
import type { JobExecution, PresignRequest } from './types.ts';

const PLACEHOLDER =
  /^\$\{aws:iot:s3-presigned-url(-v2|-upload)?:https:\/\/s3\.[a-z0-9-]+\.amazonaws\.com\/([^/}]+)\/([^}]+(?:\{[^}]*\}[^}]*)*)\}$/;
/** The most substitutions in a document (AWS IoT quotas). */
const MAX_PLACEHOLDERS = 10;

const VARIABLE = /\$\{(thingName|jobId|executionNumber)\}/g;

/** Variables in the key of an upload, each at most twice. */
const fillKey = (key: string, execution: JobExecution) =>
  key.replace(VARIABLE, (_, name: 'thingName' | 'jobId' | 'executionNumber') => String(execution[name]));

/**
 * A job's document as a device reads it: each placeholder is a fresh presigned URL (AWS IoT developer guide, "Presigned URLs").
 * @throws RangeError for more placeholders than AWS fills
 */
export function filledDocument(document: JsonObject, execution: JobExecution, presign: (request: PresignRequest) => string): JsonObject {
  let count = 0;
  const fill = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item as Json)]));
    const match = typeof value === 'string' ? PLACEHOLDER.exec(value) : null;
    if (!match) return value;
    if (++count > MAX_PLACEHOLDERS) throw new RangeError(`a job document has at most ${MAX_PLACEHOLDERS} presigned URLs`);
    const [, kind, bucket, key] = match;
    return presign({ operation: kind === '-upload' ? 'put' : 'get', bucket: bucket!, key: fillKey(key!, execution) });
  };
  return fill(document) as JsonObject;
}
