import { lstat, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** A user and a group by their numbers. */
export interface Owner {
  uid: number;
  gid: number;
}

const ROOT = 0;

/** The path and every folder above it, the topmost first. */
function chain(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...chain(above), path];
}

/**
 * Who other than root can change what a path means: the owner of the first thing on the way there, links included, that is not root's. Null when
 * all of it is root's. What does not exist yet is made by its folder's owner.
 */
export async function foreignOwner(path: string): Promise<Owner | null> {
  const lexical = resolve(path);
  const real = await realpath(lexical).catch(() => lexical);
  for (const each of new Set([...chain(lexical), ...chain(real)])) {
    const found = await lstat(each).catch(() => null);
    if (found !== null && found.uid !== ROOT) return { uid: found.uid, gid: found.gid };
  }
  return null;
}

/** What of a process is needed to give up its rights. */
export type Privileged = Pick<NodeJS.Process, 'geteuid' | 'setgroups' | 'setgid' | 'setuid'>;

/**
 * For root, before it changes anything below a folder of another user: becomes that user, for good. A link that the user planted there then leads
 * nowhere that the user could not go alone. Does nothing for other users, and where all is root's.
 * @throws Error when the rights cannot be given up
 */
export async function becomeOwner(path: string, process: Privileged): Promise<void> {
  if (process.geteuid?.() !== ROOT) return;
  const owner = await foreignOwner(path);
  if (owner === null) return;
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
  if (process.geteuid?.() !== owner.uid) throw new Error(`the rights of root cannot be given up for uid ${owner.uid}`);
}
