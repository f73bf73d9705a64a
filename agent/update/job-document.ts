import { MAX_MANIFEST_BYTES } from '../release/manifest.ts';

/** What a job asks for. */
export type JobOperation =
  | {
      operation: 'update_agent';
      /** Canonical JSON, and its Ed25519 signature in base64. */
      manifest: string;
      signature: string;
      /** SHA-256 of a part: where its zstd stream can be fetched. */
      parts: ReadonlyMap<string, string>;
    }
  | { operation: 'upload_bundle'; url: string };

/** More parts than a manifest has; bounds the table. */
const MAX_URLS = 32;
/** A presigned URL has some 1,500 characters. */
const MAX_URL = 4096;
const SHA256 = /^[0-9a-f]{64}$/;

function isHttps(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_URL) return false;
  return URL.canParse(value) && new URL(value).protocol === 'https:';
}

function partUrls(value: unknown): Map<string, string> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const pairs = Object.entries(value);
  return pairs.length <= MAX_URLS && pairs.every(([sha256, url]) => SHA256.test(sha256) && isHttps(url)) ? new Map(pairs) : null;
}

/** Reads a job's document. A string is the reason for which the job is rejected. */
export function parseJobDocument(document: unknown): JobOperation | 'unknown_operation' | 'document_invalid' {
  if (typeof document !== 'object' || document === null) return 'document_invalid';
  const { operation, manifest, signature, parts, url } = document as Record<string, unknown>;
  if (operation === 'upload_bundle') return isHttps(url) ? { operation, url } : 'document_invalid';
  if (operation !== 'update_agent') return 'unknown_operation';
  const urls = partUrls(parts);
  if (urls === null || typeof manifest !== 'string' || Buffer.byteLength(manifest) > MAX_MANIFEST_BYTES) return 'document_invalid';
  if (typeof signature !== 'string' || signature.length > 128) return 'document_invalid';
  return { operation, manifest, signature, parts: urls };
}
