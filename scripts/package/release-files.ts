import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Manifest, manifestText, parseManifest } from '../../agent/release/manifest.ts';
import { KEY_FOLDERS, MANIFEST_FILE } from '../../agent/release/places.ts';
import { trustedKey } from '../../agent/release/signature.ts';
import type { TarEntry } from '../../agent/system/tar.ts';
import type { Architecture } from './runtime.ts';

/** What a manifest is made of. */
export interface ReleaseSources {
  sequence: number;
  version: string;
  arch: Architecture;
  models: readonly string[];
  /** The content of `systemd/SYSTEM`. */
  system: string;
  minimumFrom?: number;
  dateSeconds: number;
}

const LIBRARY = 'usr/lib/hub-agent/';
/** What an update may change: Node, programs with their parts, native modules. Everything else, the updater too, comes with the package alone. */
const PARTS = /^(?:node|(?!hub-updater\.)[a-z0-9-]+\.cjs|native\/[a-z0-9.-]+\.node)$/;

/** The files of a package that a release consists of, by their names below its folder. */
export function releaseParts(files: readonly TarEntry[]): { name: string; data: Buffer }[] {
  return files
    .flatMap(({ path, data }) => (path.startsWith(LIBRARY) ? [{ name: path.slice(LIBRARY.length), data }] : []))
    .filter(({ name }) => PARTS.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The manifest of a package's files. @throws Error when a number is none, or a part is missing */
export function releaseManifest(files: readonly TarEntry[], sources: ReleaseSources): Manifest {
  const { sequence, version, arch, models, system, minimumFrom, dateSeconds } = sources;
  const manifest: Manifest = {
    format: 1,
    sequence,
    version,
    arch,
    models: [...models],
    requiresSystem: Number(system),
    ...(minimumFrom !== undefined && { minimumFrom }),
    parts: releaseParts(files).map(({ name, data }) => ({
      name,
      sha256: createHash('sha256').update(data).digest('hex'),
      bytes: data.length,
    })),
    createdAt: new Date(dateSeconds * 1000).toISOString(),
  };
  // As a hub will read it.
  return parseManifest(manifestText(manifest));
}

/** What makes the package a release of its own, the one that is always there. */
export function factoryFiles(files: readonly TarEntry[], sources: ReleaseSources): TarEntry[] {
  const file = (name: string, text: string): TarEntry => ({ path: LIBRARY + name, kind: 'file', mode: 0o644, data: Buffer.from(text) });
  return [
    file(MANIFEST_FILE, manifestText(releaseManifest(files, sources))),
    file('SEQUENCE', `${sources.sequence}\n`),
    file('SYSTEM', `${Number(sources.system)}\n`),
  ];
}

/** The value of an option `--sequence`; null without one. @throws TypeError */
export function readSequence(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new TypeError(`--sequence ${text}: a sequence is a whole number from 1 on.`);
  return value;
}

/** The public keys whose releases a hub with this package takes. @throws Error for what is no public Ed25519 key in PEM */
export async function trustedKeyFiles(paths: readonly string[]): Promise<TarEntry[]> {
  return Promise.all(
    paths.map(async (path, index): Promise<TarEntry> => {
      const data = await readFile(path);
      if (trustedKey(data) === null)
        throw new Error(`${path} is no public Ed25519 key in PEM. npm run release -- keygen FILE makes FILE.pub.`);
      return { path: `${KEY_FOLDERS[0].slice(1)}/${index + 1}.pem`, kind: 'file', mode: 0o644, data };
    }),
  );
}
