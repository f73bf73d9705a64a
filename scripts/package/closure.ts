import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface LockEntry {
  version?: string;
  license?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
}

/** A package as it is installed in the repository. */
export interface Installed {
  /** Below the repository, such as `node_modules/slip`. */
  path: string;
  name: string;
  version: string;
  licence: string;
  integrity: string | null;
}

const FOLDER = 'node_modules/';

/** Where Node finds `name` from a package (Node, "Loading from node_modules folders"). */
function resolveFrom(packages: Record<string, LockEntry>, from: string, name: string): string | null {
  for (let folder = from; ; ) {
    const path = `${folder === '' ? '' : `${folder}/`}${FOLDER}${name}`;
    if (packages[path]) return path;
    if (folder === '') return null;
    const up = folder.lastIndexOf(`/${FOLDER}`);
    folder = up < 0 ? '' : folder.slice(0, up);
  }
}

/** A package and everything that it needs, as the lock file has them. @throws Error when one is not there */
export async function closureOf(root: string, name: string): Promise<Installed[]> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> };
  const found = new Map<string, Installed>();
  const visit = (from: string, wanted: string) => {
    const path = resolveFrom(packages, from, wanted);
    if (path === null) throw new Error(`${wanted} is not in package-lock.json.`);
    if (found.has(path)) return;
    const { version = '', license = 'see its text', integrity = null, dependencies = {} } = packages[path]!;
    found.set(path, { path, name: path.slice(path.lastIndexOf(FOLDER) + FOLDER.length), version, licence: license, integrity });
    for (const each of Object.keys(dependencies)) visit(path, each);
  };
  visit('', name);
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
