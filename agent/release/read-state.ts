import { OLD_STATE_FILE, STATE_FILE } from './places.ts';
import { FIRST_STATE, parseState, type ReleasesState } from './state.ts';

/**
 * The state of the releases as root wrote it last; the one before, without its trial, when that is damaged, as updater and launcher take it. Never throws.
 * @param read a file's bytes; null when there is none
 */
export async function readReleasesState(read: (path: string) => Promise<Buffer | null>, folder: string): Promise<ReleasesState> {
  for (const name of [STATE_FILE, OLD_STATE_FILE]) {
    try {
      const data = await read(`${folder}/${name}`);
      if (data === null) continue;
      const state = parseState(data.toString('utf8'));
      return name === STATE_FILE ? state : { ...state, trial: null };
    } catch {
      // The updater logs the damage.
    }
  }
  return FIRST_STATE;
}
