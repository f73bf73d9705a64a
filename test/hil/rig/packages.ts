import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const MAIN = resolve(import.meta.dirname, '../../../scripts/package/main.ts');
/** Build, runtime from the npm registry, compression: on a slow machine with a slow line. */
export const PACKAGE_TIMEOUT_MS = 300_000;

/** The last line of `npm run package`. */
export interface MadePackage {
  file: string;
  sha256: string;
}

/** Builds and packs as `npm run package` does, with the caller's surroundings. */
export async function makePackage(arch: string, output: string, surroundings: { umask: string; zone: string }): Promise<MadePackage> {
  const command = `umask ${surroundings.umask} && exec "$0" "$@"`;
  const program = [process.execPath, MAIN, '--arch', arch, '--fast', '--output', output];
  const env = { ...process.env, TZ: surroundings.zone };
  const { stdout } = await promisify(execFile)('sh', ['-c', command, ...program], { env, cwd: tmpdir() });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as MadePackage;
}

/** Unpacks a package's files below a folder, as dpkg would, and returns where its programs are. */
export async function unpackPackage(file: string, folder: string): Promise<string> {
  await promisify(execFile)('dpkg-deb', ['--extract', file, folder]);
  return join(folder, 'usr/lib/hub-agent');
}
