/** The release that runs, as the shadow (`reported.update`), `server_info` and the local status show it. */
export interface ReleaseReport {
  /** Of the release that runs; null: the agent was not started by its launcher. */
  sequence: number | null;
  /** The Debian package's own. */
  factory: boolean;
  /** It has not been committed yet. */
  trial: boolean;
  /** The last release that was rolled back or refused, unless one was committed since. */
  failed?: { sequence: number; what: 'rolled_back' | 'refused'; reason: string };
}
