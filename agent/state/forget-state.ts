import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { readClaim } from './claim-file.ts';
import { isForgottenBy } from './layout.ts';
import { FORGET_WIFI, FORGOTTEN_CLAIM, forgottenClaimName, RESET_ASKED, type ResetKind } from './reset-notes.ts';

/** What a reset does with files. */
export type ResetFiles = Pick<Files, 'list' | 'read' | 'writeAtomic' | 'remove' | 'rename' | 'removeTorn'>;

/**
 * Forgets; the agent must not run, or be at its end. A factory reset also leaves notes: which claim must not be taken again from the shadow,
 * where it still stands, and that NetworkManager has to forget the agent's profiles. Can be repeated after a power cut. Returns the paths that were removed.
 * @throws errors of the file system
 */
export async function forgetState(files: ResetFiles, stateDirectory: string, asked: ResetKind, log: Pick<Log, 'error'>): Promise<string[]> {
  const before = await files.list(stateDirectory);
  // What was promised before is not taken back by asking for less.
  const kind = before.includes(`${RESET_ASKED}factory`) ? 'factory' : asked;
  const names: string[] = [];
  if (kind === 'factory') {
    await files.writeAtomic(join(stateDirectory, FORGET_WIFI), '');
    names.push(...(await noteClaim(files, stateDirectory, before, log)));
  }
  // Listed anew: a damaged claim has another name now.
  const present = await files.list(stateDirectory);
  names.push(...present.filter((name) => isForgottenBy(kind, name) && !name.startsWith(RESET_ASKED)));
  names.push(...(await files.removeTorn(stateDirectory)));
  // Last: until then a power cut has the next agent do it all again.
  names.push(...present.filter((name) => name.startsWith(RESET_ASKED)));
  const paths = names.map((name) => join(stateDirectory, name));
  for (const path of paths) await files.remove(path);
  return paths;
}

/** Notes the claim before it goes; gives the older notes. Without a claim the note of the reset before stands. */
async function noteClaim(
  files: ResetFiles,
  stateDirectory: string,
  present: readonly string[],
  log: Pick<Log, 'error'>,
): Promise<string[]> {
  const stored = await readClaim({ files, log }, stateDirectory);
  if (stored.state !== 'sound') return [];
  const note = forgottenClaimName(stored.value);
  await files.writeAtomic(join(stateDirectory, note), '');
  return present.filter((name) => name.startsWith(FORGOTTEN_CLAIM) && name !== note);
}
