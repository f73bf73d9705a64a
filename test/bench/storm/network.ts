/** Round trips to the region, and those of TCP, TLS 1.3 and CONNECT together. */
export const ANSWER_MS = [20, 100] as const;
export const HANDSHAKE_MS = [150, 500] as const;
/** An attempt that ends inside the SDK. */
export const UNSENT_MS = [1, 6] as const;

/**
 * How the SDK looks up the endpoint (measured, aws-crt 1.33): an address that failed is forgotten 30 s later, and the attempt that falls there ends
 * at once. After a gap of 31 s, or right after such an end, the name is looked up again.
 */
const ADDRESS_LIVES_MS = 30_000;
const LOOKUP_ENDS_MS = 31_000;

/** Whether an attempt of one hub touches the network at all. */
export function createResolver(): (nowMs: number) => boolean {
  let failedSinceMs: number | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  return (nowMs) => {
    const gapMs = nowMs - lastMs;
    lastMs = nowMs;
    const forgotten = failedSinceMs !== null && nowMs - failedSinceMs >= ADDRESS_LIVES_MS;
    if (failedSinceMs === null || gapMs >= LOOKUP_ENDS_MS) failedSinceMs = nowMs;
    else if (forgotten) failedSinceMs = null;
    return failedSinceMs !== null;
  };
}
