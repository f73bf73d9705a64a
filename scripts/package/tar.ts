import { packTar, type TarEntry } from '../../agent/system/tar.ts';

const ROOT: TarEntry = { path: '', kind: 'directory', mode: 0o755, data: Buffer.alloc(0) };

/** Every folder that the entries lie in, once. */
function withFolders(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (!all.has(folder)) all.set(folder, { path: folder, kind: 'directory', mode: 0o755, data: Buffer.alloc(0) });
    }
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** An archive as dpkg wants it: sorted, each path begins with "./", missing folders are added (0755). */
export function writeTar(entries: readonly TarEntry[], mtimeSeconds: number): Buffer {
  const named = [ROOT, ...withFolders(entries)].map((entry) => ({
    ...entry,
    path: entry.path === '' ? './' : `./${entry.path}${entry.kind === 'directory' ? '/' : ''}`,
  }));
  return packTar(named, mtimeSeconds);
}
