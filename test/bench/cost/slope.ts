/** How a figure grew. */
export interface Slope {
  perHour: number;
  /** Standard errors that lie between the slope and zero. */
  sigma: number;
}

/** Neighbouring samples say nearly the same: the line goes through the means of so many blocks of them. */
const BLOCKS = 12;
/** A start is no leak: caches fill, peripherals are found. */
const WARM_UP_SHARE = 1 / 4;

/** The line of least squares through samples that were taken at even distances over `hours`; the first quarter is left out. */
export function slopeOf(samples: readonly number[], hours: number): Slope {
  const kept = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const size = Math.max(1, Math.floor(kept.length / BLOCKS));
  const means = Array.from({ length: Math.min(BLOCKS, kept.length) }, (_, index) => {
    const block = kept.slice(index * size, (index + 1) * size);
    return block.reduce((sum, value) => sum + value, 0) / block.length;
  });
  const n = means.length;
  const middle = (n - 1) / 2;
  const mean = means.reduce((sum, value) => sum + value, 0) / n;
  const spread = means.reduce((sum, _value, index) => sum + (index - middle) ** 2, 0);
  const slope = means.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0) / spread;
  const residual = means.reduce((sum, value, index) => sum + (value - mean - slope * (index - middle)) ** 2, 0);
  const error = Math.sqrt(residual / Math.max(1, n - 2) / spread);
  const blocksPerHour = n / (hours * (1 - WARM_UP_SHARE));
  return { perHour: slope * blocksPerHour, sigma: slope === 0 ? 0 : Math.abs(slope) / Math.max(error, Number.EPSILON) };
}
