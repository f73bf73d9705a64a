import { MAX_MANIFEST_BYTES } from '../release/manifest.ts';

/** Where a part's zstd stream can be fetched: an object of its own, or a piece of a larger one. */
export interface PartPlace {
  url: string;
  piece: { offset: number; bytes: number } | null;
}

/** What a job asks for. */
export type JobOperation =
  | {
      operation: 'update_agent';
      /** Canonical JSON, and its Ed25519 signature in base64. */
      manifest: string;
      signature: string;
      /** By the SHA-256 of the part. */
      parts: ReadonlyMap<string, PartPlace>;
    }
  | { operation: 'upload_bundle'; url: string };

/** More parts than a manifest has; bounds the table. */
const MAX_PARTS = 32;
/** A presigned URL has some 1,500 characters. */
const MAX_URL = 4096;
const SHA256 = /^[0-9a-f]{64}$/;

function isHttps(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_URL) return false;
  return URL.canParse(value) && new URL(value).protocol === 'https:';
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A URL, or `[offset, bytes]` in the pack. */
function placeOf(value: unknown, pack: unknown): PartPlace | null {
  if (isHttps(value)) return { url: value, piece: null };
  if (!Array.isArray(value) || value.length !== 2 || !value.every(isCount) || !isHttps(pack)) return null;
  const [offset, bytes] = value as [number, number];
  return bytes > 0 && isCount(offset + bytes) ? { url: pack, piece: { offset, bytes } } : null;
}

function partPlaces(parts: unknown, pack: unknown): Map<string, PartPlace> | null {
  if (typeof parts !== 'object' || parts === null || Array.isArray(parts)) return null;
  const places = new Map<string, PartPlace>();
  for (const [sha256, value] of Object.entries(parts)) {
    const place = placeOf(value, pack);
    if (!SHA256.test(sha256) || place === null || places.size === MAX_PARTS) return null;
    places.set(sha256, place);
  }
  return places;
}

/** Reads a job's document. A string is the reason for which the job is rejected. */
export function parseJobDocument(document: unknown): JobOperation | 'unknown_operation' | 'document_invalid' {
  if (typeof document !== 'object' || document === null) return 'document_invalid';
  const { operation, manifest, signature, parts, pack, url } = document as Record<string, unknown>;
  if (operation === 'upload_bundle') return isHttps(url) ? { operation, url } : 'document_invalid';
  if (operation !== 'update_agent') return 'unknown_operation';
  const places = partPlaces(parts, pack);
  if (places === null || typeof manifest !== 'string' || Buffer.byteLength(manifest) > MAX_MANIFEST_BYTES) return 'document_invalid';
  if (typeof signature !== 'string' || signature.length > 128) return 'document_invalid';
  return { operation, manifest, signature, parts: places };
}
