/**
 * The highest counter of sent frames that a backup is believed. A counter has 32 bits; erased flash reads as 0xffffffff, with which nothing may be sent
 * (Zigbee specification, 4.3.1.1). The library adds 2500 when it restores, and from here on calls the counter spent (zigbee-herdsman 11.1.1,
 * `writeBackup` of its Z-Stack adapter, `initTrustCenter` of its ember adapter). A network that sends ten frames a second gets here in 13 years.
 */
export const MAX_FRAME_COUNTER = 0xfeee_eeee;

/** More than a coordinator sends in the hour between two backups: 291 frames a second, on a channel of 250 kbit/s. */
const MAX_STEP = 2 ** 20;

/** `older`: a stick that lost its memory. `doubtful`: it has risen more than it can; the next backup shows whether it is true. */
export type CounterVerdict = 'believed' | 'older' | 'doubtful';

/** Judges the counter of each new backup of one network by the one of the copy. */
export interface CounterJudge {
  /** @param kept of the copy; null: there is none of this network, and any backup is better */
  judge(found: number, kept: number | null): CounterVerdict;
  /** Another network begins. */
  reset(): void;
}

/**
 * A counter that is too high would make every later backup look older. One that jumped is therefore believed when the next one goes on from there: a value that
 * was misread is gone by then, or stands still. The agent may also have been away for long.
 */
export function createCounterJudge(): CounterJudge {
  let doubted: number | null = null;
  const goesOn = (found: number, from: number) => found - from <= MAX_STEP;
  return {
    judge(found, kept) {
      if (kept !== null && found < kept) return 'older';
      const isConfirmed = doubted !== null && found > doubted && goesOn(found, doubted);
      if (kept === null || goesOn(found, kept) || isConfirmed) {
        doubted = null;
        return 'believed';
      }
      doubted = found;
      return 'doubtful';
    },
    reset() {
      doubted = null;
    },
  };
}
