/** After so many answers that were read at the expected time one is watched for again: it may come sooner by now. Half a minute of polls. */
const EXPECTED_IN_A_ROW = 64;
/** So many questions after a disturbance are watched: what disturbs a line is told by when it comes. */
const WATCHED_AFTER_DISTURBANCE = 32;
/** A timer fires up to so much early, and the last byte may be that much late. */
const TIMER_GRAIN_MS = 1;

/**
 * When the answers of a line's PDs are complete, so that a question with time to spare wakes the process once, and not for each piece of the answer.
 * Holds one entry for each PD that answered.
 */
export interface AnswerTimes {
  /** How long after the question was written nothing need be read, milliseconds; 0: read whatever comes. */
  restMs(address: number): number;
  /** An answer was complete so long after its question was written. `expected`: it was so at the first look, and may have been for a while. */
  answered(address: number, tookMs: number, expected: boolean): void;
  /** Something else came than one answer for each question. */
  disturbed(): void;
}

export function createAnswerTimes(): AnswerTimes {
  const known = new Map<number, { tookMs: number; expected: number }>();
  let watched = 0;

  return {
    restMs(address) {
      if (watched > 0) {
        watched -= 1;
        return 0;
      }
      const answer = known.get(address);
      return answer === undefined || answer.expected >= EXPECTED_IN_A_ROW ? 0 : Math.ceil(answer.tookMs) + TIMER_GRAIN_MS;
    },
    answered(address, tookMs, expected) {
      const answer = known.get(address);
      if (answer === undefined) known.set(address, { tookMs, expected: 0 });
      else if (expected) answer.expected += 1;
      else Object.assign(answer, { tookMs, expected: 0 });
    },
    disturbed() {
      watched = WATCHED_AFTER_DISTURBANCE;
    },
  };
}
