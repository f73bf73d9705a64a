/** How wrong the API was about a hub. A stretch is a time in which it said the same wrong thing. */
export interface PresenceVerdict {
  /** Stretches past the bound: said offline while the link worked, said online while it did not. */
  falseOffline: number;
  falseOnline: number;
  longestFalseOfflineMs: number;
  longestFalseOnlineMs: number;
  /** Still wrong. */
  wrong: boolean;
}

/** Compares what the API says of a hub with the truth, at every change of either. */
export interface PresenceCheck {
  /** `truth`: the process runs and its link works; `said`: `online` of the API's status. */
  look(truth: boolean, said: boolean): void;
  verdict(): PresenceVerdict;
}

/** `nowMs` is monotonic; `onLate` is told of each stretch past the bound once it ended. */
export function createPresenceCheck(deps: {
  nowMs(): number;
  boundMs: number;
  onLate(said: boolean, tookMs: number): void;
}): PresenceCheck {
  const { nowMs, boundMs } = deps;
  let wrongSince: { said: boolean; atMs: number } | null = null;
  const longest = { true: 0, false: 0 };
  const late = { true: 0, false: 0 };

  function close(): void {
    if (!wrongSince) return;
    const { said, atMs } = wrongSince;
    wrongSince = null;
    const tookMs = nowMs() - atMs;
    const key = String(said) as 'true' | 'false';
    longest[key] = Math.max(longest[key], tookMs);
    if (tookMs <= boundMs) return;
    late[key] += 1;
    deps.onLate(said, tookMs);
  }

  return {
    look(truth, said) {
      const wrong = truth !== said;
      if (wrongSince && (!wrong || wrongSince.said !== said)) close();
      if (wrong) wrongSince ??= { said, atMs: nowMs() };
    },

    verdict() {
      const wrong = wrongSince !== null;
      close();
      return {
        falseOffline: late.false,
        falseOnline: late.true,
        longestFalseOfflineMs: Math.round(longest.false),
        longestFalseOnlineMs: Math.round(longest.true),
        wrong,
      };
    },
  };
}
