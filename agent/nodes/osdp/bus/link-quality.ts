/** What came of a question. */
export type Asked = 'answered' | 'noise' | 'nothing';

/** How well the line to a PD carries, from the last questions to it. */
export interface LinkQuality {
  asked(what: Asked): void;
  /** 0 (nothing was answered) to 255 (everything was); null: too little was asked. */
  value(): number | null;
  /** Noise came instead of at least every second answer; once that is so, until it is less than every fourth. */
  isNoisy(): boolean;
}

/** At the usual pace of two questions a second this is the last minute. */
const WINDOW = 128;
/** Fewer questions say nothing. */
const ENOUGH = 8;
/** The same of noise, which is a finding. */
const ENOUGH_FOR_NOISE = 32;
/** The scale of the contract. */
const BEST = 255;

export function createLinkQuality(): LinkQuality {
  const window: Asked[] = [];
  const counts: Record<Asked, number> = { answered: 0, noise: 0, nothing: 0 };
  let next = 0;
  let noisy = false;
  return {
    asked(what) {
      const oldest = window[next];
      if (oldest) counts[oldest] -= 1;
      window[next] = what;
      counts[what] += 1;
      next = (next + 1) % WINDOW;
      const share = counts.noise / window.length;
      noisy = noisy ? share >= 0.25 : window.length >= ENOUGH_FOR_NOISE && share >= 0.5;
    },
    value: () => (window.length < ENOUGH ? null : Math.round((BEST * counts.answered) / window.length)),
    isNoisy: () => noisy,
  };
}
