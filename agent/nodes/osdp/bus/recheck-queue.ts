/** Addresses to be asked again because of one thing that was heard. */
export interface Recheck {
  /** In the order to ask them. */
  addresses: number[];
  /** True: one of them is late, and needs the full wait. Once one answered, the others need no more than the usual window. */
  late: boolean;
}

/** Remembers, during a pass, the addresses that stayed silent while something other than an answer was heard. */
export interface RecheckQueue {
  /** This address stayed silent; `heard` is what came instead. */
  silent(address: number, sentMs: number, heard: 'nothing' | 'stray' | 'noise'): void;
  /** What has gathered so far; nothing is remembered afterwards. */
  take(): Recheck[];
}

/** More than this in one pass is a line full of noise: what it hides is left to the background. */
const MAX_RECHECKS = 64;

export function createRecheckQueue(fullWaitMs: number): RecheckQueue {
  /** Addresses that were asked within the last full wait and stayed silent: one of them may still answer. */
  let recent: { address: number; sentMs: number }[] = [];
  let rechecks: Recheck[] = [];

  return {
    silent(address, sentMs, heard) {
      recent = recent.filter((one) => sentMs - one.sentMs <= fullWaitMs);
      if (heard !== 'nothing' && rechecks.length < MAX_RECHECKS) {
        // The late frame of another PD was received intact, so no third one was sending: the address gets its window again, undisturbed. Noise may be the
        // late frame of anyone just asked, the last one most likely, and it may have met the answer of this one.
        const before = recent.map((one) => one.address).filter((one) => one !== address);
        rechecks.push(
          heard === 'stray' ? { addresses: [address], late: false } : { addresses: [...before.reverse(), address], late: true },
        );
      }
      recent.push({ address, sentMs });
    },

    take() {
      const taken = rechecks;
      rechecks = [];
      return taken;
    },
  };
}
