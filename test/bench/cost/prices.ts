/** AWS's list prices in USD, Europe (Ireland) and US East (N. Virginia), first tier, without the free tier; as of September 2026. */
export const PRICES = {
  perConnectionMinute: 0.08e-6,
  /** Up to 5 KB each. */
  perMessage: 1e-6,
  /** For each started KB of the shadow. */
  perShadowOperation: 1.25e-6,
  /** A rule that is evaluated, and an action that it carries out. */
  perRule: 0.15e-6,
};
export const SHADOW_UNIT_BYTES = 1024;
