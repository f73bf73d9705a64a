import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The nearest folder above a path that exists, the path itself included, without links. */
async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const real = await realpath(at).catch(() => null);
    if (real !== null || at === dirname(at)) return real ?? at;
  }
}

/**
 * The git work tree that a path lies in, whether or not it exists yet; null when in none. Told by the name `.git`, a folder or, in a linked work tree
 * or a submodule, a file. Like git itself it does not look beyond the file system of the path.
 */
export async function gitWorkTreeOf(path: string): Promise<string | null> {
  const start = await existing(path);
  const { dev } = await stat(start);
  for (let at = start; ; at = dirname(at)) {
    if ((await stat(at)).dev !== dev) return null;
    const found = await lstat(join(at, '.git')).catch(() => null);
    if (found) return at;
    if (at === dirname(at)) return null;
  }
}
