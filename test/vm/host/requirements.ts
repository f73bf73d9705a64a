import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { run } from './run.ts';

/** Programs of the host, and the Debian package that has each. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['setpriv', 'util-linux'],
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['mmdebstrap', 'mmdebstrap'],
  ['mke2fs', 'e2fsprogs'],
  ['modprobe', 'kmod'],
  ['depmod', 'kmod'],
  ['cpio', 'cpio'],
  ['xz', 'xz-utils'],
  ['tar', 'tar'],
  ['dpkg-deb', 'dpkg'],
];
/** An ordinary user owns no files as root: these pretend it. */
const PROGRAMS_WITHOUT_ROOT: typeof PROGRAMS = [
  ['fakeroot', 'fakeroot'],
  ['newuidmap', 'uidmap'],
];
/** Administrators' programs are not in everybody's PATH. */
const SYSTEM_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

async function isInstalled(program: string): Promise<boolean> {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_PATHS]) {
    if (folder === '') continue;
    try {
      await access(join(folder, program), constants.X_OK);
      return true;
    } catch {}
  }
  return false;
}

/** The Debian packages that the virtual hub needs and this host lacks. */
export async function missingPackages(isRoot: boolean): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, debianPackage] of isRoot ? PROGRAMS : [...PROGRAMS, ...PROGRAMS_WITHOUT_ROOT]) {
    if (!(await isInstalled(program))) missing.add(debianPackage);
  }
  return [...missing];
}

/** What to type to get the packages. */
export function installCommand(packages: string[]): string {
  return `sudo apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Installs packages with apt; needs root. */
export async function installPackages(packages: string[], signal?: AbortSignal): Promise<void> {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, ...(signal ? { signal } : {}) };
  await run('apt-get', ['update', '-q'], options);
  await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], options);
}

/** PATH with the administrators' folders, for programs that are called by name. */
export function systemPath(): string {
  return [process.env.PATH ?? '', ...SYSTEM_PATHS].join(delimiter);
}
