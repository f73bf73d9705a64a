import { dirname, join } from 'node:path';
import type { Files } from '../../system/files.ts';
import type { PathFacts, Paths } from '../../system/paths.ts';

/** The user that the agent runs as, by its name in passwd(5). */
const NAME = 'hub-agent';
/** The unit gives it to the agent, independent of its members (SupplementaryGroups=). */
const SUPPLEMENTARY = 'dialout';

/** What a process of the service may open: by its user, its groups, and nothing else. */
export interface ServiceUser {
  uid: number;
  gids: ReadonlySet<number>;
}

/** What may be done with a file, as in the three groups of its mode. */
export const RIGHT = { read: 4, write: 2, enter: 1 } as const;

/** Where this machine keeps its users and groups, and how it is looked at. */
export interface AccountFiles {
  /** The folder of `passwd` and `group`. */
  etc: string;
  files: Pick<Files, 'read'>;
  paths: Paths;
}

const fieldsOf = (text: string) => text.split('\n').map((line) => line.split(':'));

async function entriesOf({ etc, files }: Pick<AccountFiles, 'etc' | 'files'>, name: 'passwd' | 'group'): Promise<string[][]> {
  const text = await files.read(join(etc, name)).catch(() => null);
  return fieldsOf(text?.toString('utf8') ?? '');
}

/** The service's user; null where it was not made. */
export async function serviceUser(machine: Pick<AccountFiles, 'etc' | 'files'>): Promise<ServiceUser | null> {
  const [users, groups] = await Promise.all([entriesOf(machine, 'passwd'), entriesOf(machine, 'group')]);
  const own = users.find(([name]) => name === NAME);
  if (!own) return null;
  const member = groups.filter(([name, , , members]) => name === SUPPLEMENTARY || members?.split(',').includes(NAME));
  return { uid: Number(own[2]), gids: new Set([own[3], ...member.map(([, , gid]) => gid)].map(Number)) };
}

/** The name of a group; its number where it has none. */
export async function groupName(machine: Pick<AccountFiles, 'etc' | 'files'>, gid: number): Promise<string> {
  return (await entriesOf(machine, 'group')).find(([, , number]) => number === String(gid))?.[0] ?? String(gid);
}

/** path_resolution(7): one class of the mode counts, the owner's before the group's. */
function may({ uid, gids }: ServiceUser, file: PathFacts, rights: number): boolean {
  if (uid === 0) return true;
  const shift = file.uid === uid ? 6 : gids.has(file.gid) ? 3 : 0;
  return ((file.mode >> shift) & rights) === rights;
}

/**
 * What keeps the service from a file: the file itself or a folder above it; null: nothing. A file that this user cannot look at counts as no obstacle.
 * @param rights of `RIGHT`, added up
 */
export async function obstacleTo(paths: Paths, user: ServiceUser, path: string, rights: number): Promise<string | null> {
  const real = await paths.real(path).catch(() => null);
  if (real === null) return null;
  const folders: string[] = [];
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const each of [...folders, real]) {
    const found = await paths.facts(each).catch(() => null);
    if (found === null) return null;
    if (!may(user, found, each === real ? rights : RIGHT.enter)) return each;
  }
  return null;
}

/** Whether the service may read and write a device; where its user was not made, whether this one may. */
export async function mayOpen(paths: Paths, device: string, user: ServiceUser | null): Promise<boolean> {
  if (user === null || user.uid === process.geteuid?.()) {
    return (await paths.denial(device, 'read_write')) === null;
  }
  return (await obstacleTo(paths, user, device, RIGHT.read + RIGHT.write)) === null;
}
