import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import { FORGET_WIFI, FORGOTTEN_CLAIM, forgottenClaimName, RESET_ASKED, type ResetKind } from './reset-notes.ts';

/** What the agent has learnt by itself, and learns again. The marker of a cut Wi-Fi change stays: it is needed to put the network in order. */
const LEARNT = ['nodes.json', 'damaged-command'];
const CLAIM = 'claim.json';
/** Whose the hub is and its commands. Configuration, identity and certificate are the manufacturing's, and stay. */
const OWNED = [CLAIM, 'command-id.key', 'alarms.json'];
const COMMANDS = 'commands';

/**
 * Forgets; the agent must not run, or be at its end. A factory reset also leaves notes: which claim must not be taken again from the shadow,
 * where it still stands, and that NetworkManager has to forget the agent's profiles. Can be repeated after a power cut. Returns the paths that were removed.
 * @throws whatever the file system throws
 */
export async function forgetState(
  files: Pick<Files, 'list' | 'read' | 'writeAtomic' | 'remove'>,
  stateDirectory: string,
  asked: ResetKind,
): Promise<string[]> {
  const present = new Set(await files.list(stateDirectory));
  // What was promised before is not taken back by asking for less.
  const kind = present.has(`${RESET_ASKED}factory`) ? 'factory' : asked;
  const names = [...LEARNT, ...(kind === 'factory' ? OWNED : [])].filter((name) => present.has(name));
  if (kind === 'factory') {
    names.push(...(await files.list(join(stateDirectory, COMMANDS))).map((name) => join(COMMANDS, name)));
    await files.writeAtomic(join(stateDirectory, FORGET_WIFI), '');
    names.push(...(await noteClaim(files, stateDirectory, present)));
  }
  // Last: until then a power cut has the next agent do it all again.
  names.push(...[...present].filter((name) => name.startsWith(RESET_ASKED)));
  const paths = names.map((name) => join(stateDirectory, name));
  for (const path of paths) await files.remove(path);
  return paths;
}

/** Notes the claim before it goes; gives the older notes. Without a claim the note of the reset before stands. */
async function noteClaim(
  files: Pick<Files, 'read' | 'writeAtomic'>,
  stateDirectory: string,
  present: ReadonlySet<string>,
): Promise<string[]> {
  const stored = await files.read(join(stateDirectory, CLAIM));
  if (!stored) return [];
  const note = forgottenClaimName(stored);
  await files.writeAtomic(join(stateDirectory, note), '');
  return [...present].filter((name) => name.startsWith(FORGOTTEN_CLAIM) && name !== note);
}
