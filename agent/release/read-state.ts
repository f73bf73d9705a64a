import { OLD_STATE_FILE, STATE_FILE } from './places.ts';
import { FIRST_STATE, parseState, type ReleasesState } from './state.ts';

/**
 * The state of the releases as root wrote it last; the one before, without its trial, when that is damaged, as the launcher takes it too. When both
 * are, the package's release is there in any case.
 * @param state,old the texts of the two files; null: there is none. What cannot be read is an empty one
 */
export function stateOf(state: string | null, old: string | null, log: (line: string) => void = () => {}): ReleasesState {
  for (const [name, text] of [
    [STATE_FILE, state],
    [OLD_STATE_FILE, old],
  ] as const) {
    try {
      if (text !== null) return name === STATE_FILE ? parseState(text) : { ...parseState(text), trial: null };
    } catch {
      log(`${name} of the releases is damaged`);
    }
  }
  return FIRST_STATE;
}

/**
 * The state, for those who only read it; the updater logs the damage. Never throws.
 * @param read a file's bytes; null when there is none
 */
export async function readReleasesState(read: (path: string) => Promise<Buffer | null>, folder: string): Promise<ReleasesState> {
  const text = (name: string) =>
    read(`${folder}/${name}`).then(
      (data) => data?.toString('utf8') ?? null,
      () => '',
    );
  // In this order: between the two the updater may replace them.
  const state = await text(STATE_FILE);
  return stateOf(state, await text(OLD_STATE_FILE));
}
