import { execFileSync } from 'node:child_process';

/** The files that a Debian package installs. Needs dpkg-deb, which every Debian has. */
export function readDebFiles(deb: string): { path: string; bytes: number }[] {
  const listing = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' });
  // -rw-r--r-- root/root 5757 2026-11-28 19:54 ./usr/share/man/man1/hubctl.1
  return listing.split('\n').flatMap((line) => {
    const [, bytes, path] = /^-\S+\s+\S+\s+(\d+)\s+\S+\s+\S+\s+\.\/(.+)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ path, bytes: Number(bytes) }];
  });
}
