/** A token bucket on injected time: up to one second's allowance at once, refilled steadily. */
export interface RateLimit {
  /** Takes `amount` if it is there. */
  tryTake(amount?: number): boolean;
  /** Takes `amount` in any case and tells how many milliseconds to wait until the debt is paid; 0 when there is none. */
  take(amount: number): number;
  /** Milliseconds until `amount` can be taken. */
  waitMs(amount?: number): number;
}

/** `perSecond` may be below 1; the bucket then still holds one token. `Infinity` never limits. */
export function createRateLimit(perSecond: number, nowMs: () => number): RateLimit {
  const capacity = Math.max(1, perSecond);
  let tokens = capacity;
  let updatedMs = nowMs();

  function refill(): void {
    const now = nowMs();
    tokens = Math.min(capacity, tokens + (Math.max(0, now - updatedMs) * perSecond) / 1000);
    updatedMs = now;
  }
  const shortfallMs = (amount: number) => Math.max(0, Math.ceil(((amount - tokens) * 1000) / perSecond));

  if (perSecond === Number.POSITIVE_INFINITY) return { tryTake: () => true, take: () => 0, waitMs: () => 0 };
  return {
    tryTake(amount = 1) {
      refill();
      if (tokens < amount) return false;
      tokens -= amount;
      return true;
    },
    take(amount) {
      refill();
      tokens -= amount;
      return shortfallMs(0);
    },
    waitMs(amount = 1) {
      refill();
      return shortfallMs(amount);
    },
  };
}
