import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry } from '../../agent/system/tar.ts';
import { collectFiles, foreignBinaries } from './contents.ts';
import { collectLicences } from './licences.ts';
import type { ReleaseSources } from './release-files.ts';
import { type Architecture, checkBuildingNode, nodeRuntime } from './runtime.ts';
import { sbomFile } from './sbom-file.ts';

/** What of this project's package is wanted. */
export interface Wanted {
  root: string;
  arch: Architecture;
  /** A build that is there; null: build now. */
  dist: string | null;
  /** Debian's revision; with the version it names the bill of materials. */
  revision: string;
  /** Null: the time of the last change of the sources, in seconds. */
  sequence: number | null;
}

/** The files of a package, and what its release is made of. */
export interface Gathered {
  /** The bill of materials is the last one. */
  files: TarEntry[];
  description: string;
  release: ReleaseSources;
}

/** The last change of the sources, or $SOURCE_DATE_EPOCH (reproducible-builds.org). */
export function sourceDateSeconds(root: string): number {
  const wanted = process.env.SOURCE_DATE_EPOCH;
  return Number(wanted ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }));
}

/** Builds, unless that was done, and collects what is shipped. @throws Error when something is missing, or is for another processor */
export async function gather({ root, arch, dist, revision, sequence }: Wanted): Promise<Gathered> {
  const { version, description, dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string;
    description: string;
    dependencies: { node: string };
  };
  const cache = join(root, '.cache/runtime');
  await checkBuildingNode(dependencies.node, cache);
  if (dist === null) execFileSync(process.execPath, [join(root, 'scripts/build.ts'), '--arch', arch], { cwd: root, stdio: 'inherit' });
  const runtime = await nodeRuntime(arch, dependencies.node, cache);
  const licences = await collectLicences(root, { version: dependencies.node, licence: runtime.licence });
  const files = await collectFiles({ root, dist: dist ?? join(root, 'dist', arch), node: runtime.binary, licences });
  const foreign = foreignBinaries(files, arch);
  if (foreign.length > 0) throw new Error(foreign.join('\n'));
  const dateSeconds = sourceDateSeconds(root);
  files.push(await sbomFile({ root, version: `${version}-${revision}`, arch, nodeVersion: dependencies.node, files, dateSeconds }));
  const system = await readFile(join(root, 'systemd/SYSTEM'), 'utf8');
  return { files, description, release: { sequence: sequence ?? dateSeconds, version, arch, models: [], system, dateSeconds } };
}
