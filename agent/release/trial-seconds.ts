/** How long a release may take to prove itself, unless root says otherwise. */
const TRIAL_SECONDS = 600;
const LONGEST_SECONDS = 86_400;

/** The content of `trial-seconds`: a whole number from 1 on. What is none, or is not there, gives 600. */
export function trialSeconds(text: string | null): number {
  const value = /^\d{1,5}$/.test(text?.trim() ?? '') ? Number(text) : 0;
  return value >= 1 && value <= LONGEST_SECONDS ? value : TRIAL_SECONDS;
}
