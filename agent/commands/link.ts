/** One MQTT session, as the commands see it. Calls that were made on it are nobody's business once it has ended. */
export interface Link {
  ended: AbortController;
  /** Deliveries under way. */
  delivering: Set<string>;
  /** Commands whose result pages are out on this session: only the rest of the answer is tried again. */
  paged: Set<string>;
  /** Reads that failed, one after the other. */
  failedReads: number;
}

export function createLink(): Link {
  return { ended: new AbortController(), delivering: new Set(), paged: new Set(), failedReads: 0 };
}
