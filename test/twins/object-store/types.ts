import type { Credentials } from '../pki/types.ts';

export interface ObjectStoreOptions {
  /** TLS of the server; presigned URLs are https. */
  tls: Credentials;
  /** Default: 127.0.0.1. */
  host?: string;
  /** The name that presigned URLs have, where clients do not know the store by `host`. */
  publicHost?: string;
  /** Default 0: a free port. */
  port?: number;
  /** The store's time of day, epoch milliseconds. */
  nowMs(): number;
}

/** What went over the wire, for tests and figures. */
export interface StoreRequest {
  method: string;
  bucket: string;
  key: string;
  status: number;
  /** The `Range` header as it came; null: none. */
  range: string | null;
  /** Bytes of the body that were sent to the client, or taken from it. */
  bytes: number;
}

/** Misbehaviour on command. Counts are used up. */
export interface StoreFaults {
  /** The next `count` GETs lose their connection after so many bytes of the body. */
  cutAfter(bytes: number, count: number): void;
  /** Bodies are sent at so many bytes a second; null: as fast as they go. */
  slow(bytesPerSecond: number | null): void;
  /** The next `count` GETs have one bit of their body flipped. */
  flipBit(count: number): void;
  /** The next `count` requests are answered 503 SlowDown. */
  busy(count: number): void;
  /** GETs answer nothing: the connection stays open. */
  silent(on: boolean): void;
  /** A `Range` is ignored: 200 with everything, as a cache between may do. */
  ignoreRange(on: boolean): void;
}

/** A virtual object store that speaks what presigned URLs of S3 speak. Opens nothing before `start`. */
export interface ObjectStore {
  start(): Promise<void>;
  /** Resets every connection and frees the port; the objects stay. */
  stop(): Promise<void>;
  /** Null while it does not listen. */
  port(): number | null;
  put(bucket: string, key: string, data: Buffer): void;
  get(bucket: string, key: string): Buffer | null;
  /** @param expiresSeconds 1 … 604,800; AWS IoT Jobs gives 60 … 3,600 */
  presign(request: { operation: 'get' | 'put'; bucket: string; key: string; expiresSeconds?: number }): string;
  readonly requests: readonly StoreRequest[];
  readonly faults: StoreFaults;
}
