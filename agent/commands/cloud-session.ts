/** One MQTT session, as the commands see it. The answers of calls that were made on it are ignored once it has ended. */
export interface CloudSession {
  ended: AbortController;
  /** Deliveries under way. */
  delivering: Set<string>;
  /** Commands whose result pages are out on this session: only the rest of the answer is tried again. */
  paged: Set<string>;
  /** Reads that failed, one after the other. */
  failedReads: number;
}

export function createCloudSession(): CloudSession {
  return { ended: new AbortController(), delivering: new Set(), paged: new Set(), failedReads: 0 };
}
