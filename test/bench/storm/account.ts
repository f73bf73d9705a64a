import type { MonotonicClock } from '../../../agent/system/clock.ts';
import { createRateLimit } from '../../twins/iot-core/rate.ts';
import { PRICES, SHADOW_UNIT_BYTES } from '../cost/prices.ts';

/** What an account may do in a second (AWS IoT Core quotas: message broker, Device Shadow, rules engine). */
export interface Quotas {
  connects: number;
  shadow: number;
  /** A publish of a hub, and each message that a service publishes because of it. */
  inbound: number;
  rules: number;
}
type Bucket = keyof Quotas;

/** AWS's defaults: in most regions, and in the large ones (N. Virginia, Oregon, Ireland and others). */
export const REGIONS = {
  small: { connects: 500, shadow: 400, inbound: 2_000, rules: 2_000 },
  large: { connects: 3_000, shadow: 4_000, inbound: 20_000, rules: 20_000 },
} satisfies Record<string, Quotas>;

/** What is metered, and what was refused. */
export interface Bill {
  /** CONNECT, SUBSCRIBE, PUBLISH and PUBACK of the hubs, and PUBLISH to them. */
  messages: number;
  shadowUnits: number;
  ruleUnits: number;
  refused: Record<Bucket, number>;
  /** Requests to the Shadow service, refused ones as well. */
  shadowRequests: number;
}

const emptyBill = (): Bill => ({
  messages: 0,
  shadowUnits: 0,
  ruleUnits: 0,
  refused: { connects: 0, shadow: 0, inbound: 0, rules: 0 },
  shadowRequests: 0,
});

/** An AWS account that everything of a fleet has to share. */
export interface Account {
  /** Takes `amount` of a quota if it is there, and counts a refusal if it is not. */
  take(bucket: Bucket, amount?: number): boolean;
  /** Messages that a service publishes: they count, and come in any case. */
  publishes(count: number): void;
  messages(count: number): void;
  shadowOperation(bytes: number): void;
  /** A rule that is evaluated, or an action that it carries out. */
  rule(): void;
  bill(): Bill;
  /** A new bill, and full buckets, under these quotas. */
  open(quotas: Quotas): void;
}

export function createAccount(clock: MonotonicClock): Account {
  const limitsOf = (quotas: Quotas | null) => {
    const limit = (bucket: Bucket) => createRateLimit(quotas?.[bucket] ?? Number.POSITIVE_INFINITY, clock.nowMs);
    return { connects: limit('connects'), shadow: limit('shadow'), inbound: limit('inbound'), rules: limit('rules') };
  };
  let limits = limitsOf(null);
  let bill = emptyBill();
  return {
    take(bucket, amount = 1) {
      const allowed = limits[bucket].tryTake(amount);
      if (!allowed) bill.refused[bucket] += 1;
      if (bucket === 'shadow') bill.shadowRequests += 1;
      return allowed;
    },
    publishes(count) {
      limits.inbound.take(count);
    },
    messages(count) {
      bill.messages += count;
    },
    shadowOperation(bytes) {
      bill.shadowUnits += Math.max(1, Math.ceil(bytes / SHADOW_UNIT_BYTES));
    },
    rule() {
      bill.ruleUnits += 1;
    },
    bill: () => bill,
    open(quotas) {
      limits = limitsOf(quotas);
      bill = emptyBill();
    },
  };
}

/** USD; the minutes of connection are not part of it. */
export const usdOf = ({ messages, shadowUnits, ruleUnits }: Bill) =>
  messages * PRICES.perMessage + shadowUnits * PRICES.perShadowOperation + ruleUnits * PRICES.perRule;
