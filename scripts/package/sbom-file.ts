import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry } from '../../agent/system/tar.ts';
import { insidePackages } from './licences.ts';
import type { Architecture } from './runtime.ts';
import { makeSbom, SBOM_PATH } from './sbom.ts';

/**
 * The bill of materials as a file of the package. What is inside Node only a Node of the shipped version can tell.
 * @throws Error when this process is another Node.
 */
export async function sbomFile(sources: {
  root: string;
  version: string;
  arch: Architecture;
  nodeVersion: string;
  files: readonly TarEntry[];
  dateSeconds: number;
}): Promise<TarEntry> {
  const { root, nodeVersion } = sources;
  if (process.versions.node !== nodeVersion)
    throw new Error(
      `This is Node ${process.versions.node}, the package ships ${nodeVersion}: make it with "npm run package", which takes that one.`,
    );
  const { name } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { name: string };
  const text = makeSbom({ ...sources, name, packages: await insidePackages(root), nodeVersions: process.versions });
  return { path: SBOM_PATH, kind: 'file', mode: 0o644, data: Buffer.from(text) };
}
