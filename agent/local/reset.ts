import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import type { ResetKind } from './api.ts';

/** What the agent has learnt by itself, and learns again. The marker of a cut Wi-Fi change stays: it is needed to put the network in order. */
const LEARNT = ['nodes.json', 'damaged-command'];
/** Whose the hub is and its commands. Configuration, identity and certificate are the manufacturing's, and stay. */
const OWNED = ['claim.json', 'command-id.key'];
const COMMANDS = 'commands';

/** Forgets; the agent must not run. Returns the paths that were removed. @throws whatever the file system throws. */
export async function forgetState(files: Pick<Files, 'list' | 'remove'>, stateDirectory: string, kind: ResetKind): Promise<string[]> {
  const present = new Set(await files.list(stateDirectory));
  const names = [...LEARNT, ...(kind === 'factory' ? OWNED : [])].filter((name) => present.has(name));
  if (kind === 'factory') names.push(...(await files.list(join(stateDirectory, COMMANDS))).map((name) => join(COMMANDS, name)));
  const paths = names.map((name) => join(stateDirectory, name));
  for (const path of paths) await files.remove(path);
  return paths;
}
