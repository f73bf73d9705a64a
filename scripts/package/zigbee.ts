import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry } from '../../agent/system/tar.ts';
import { closureOf, type Installed } from './closure.ts';
import { licenceSections } from './licences.ts';
import type { Architecture } from './runtime.ts';
import { addOnSbom } from './sbom.ts';

/** What the add-on package with the Zigbee library is made of. */
export interface ZigbeeSources {
  root: string;
  arch: Architecture;
  /** Of the Debian package. */
  version: string;
  dateSeconds: number;
}

export const ZIGBEE_PACKAGE = 'hub-agent-zigbee';
const LIBRARY = 'zigbee-herdsman';
const BINDINGS = '@serialport/bindings-cpp';
const TARGET = `usr/lib/${ZIGBEE_PACKAGE}`;
const DOC = `usr/share/doc/${ZIGBEE_PACKAGE}`;
/** The prebuilt native module of each architecture; the others, and what they are built from, stay out. */
const PREBUILD: Readonly<Record<Architecture, string>> = {
  amd64: 'prebuilds/linux-x64/@serialport+bindings-cpp.glibc.node',
  arm64: 'prebuilds/linux-arm64/@serialport+bindings-cpp.armv8.glibc.node',
};
/** What nothing loads: types, source maps, the library's own documents. */
const UNUSED =
  /(\.map|\.d\.[cm]?ts|\.ts|\.md|\.markdown|pnpm-workspace\.yaml|binding\.gyp|\.tsbuildinfo|\.flow)$|^(test|tests|\.github)\//i;

const file = (path: string, data: Buffer): TarEntry => ({ path, kind: 'file', mode: 0o644, data });

async function filesBelow(folder: string, below = ''): Promise<string[]> {
  const names = (await readdir(join(folder, below))).filter((name) => name !== 'node_modules').sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = below === '' ? name : `${below}/${name}`;
      return (await stat(join(folder, path))).isDirectory() ? filesBelow(folder, path) : [path];
    }),
  );
  return found.flat();
}

const isShipped = ({ name }: Installed, path: string, arch: Architecture) => {
  if (name === BINDINGS && /^(prebuilds|src)\//.test(path)) return path === PREBUILD[arch];
  return !UNUSED.test(path);
};

/**
 * Every file of the add-on package: the library with what it needs, in a folder of its own that no update of the agent touches, and the limits of a service
 * with a second process. The agent's own package has none of it.
 */
export async function zigbeeFiles({ root, arch, version, dateSeconds }: ZigbeeSources): Promise<TarEntry[]> {
  const packages = await closureOf(root, LIBRARY);
  const entries = await Promise.all(
    packages.map(async (each) => {
      const folder = join(root, each.path);
      const paths = (await filesBelow(folder)).filter((path) => isShipped(each, path, arch));
      return Promise.all(paths.map(async (path) => file(`${TARGET}/${each.path}/${path}`, await readFile(join(folder, path)))));
    }),
  );
  const files = entries.flat();
  const licences = await licenceSections(root, packages);
  const limits = await readFile(join(root, 'systemd/zigbee.conf'));
  return [
    ...files,
    file('usr/lib/systemd/system/hub-agent.service.d/zigbee.conf', limits),
    file(`${DOC}/copyright`, Buffer.from(licences)),
    file(`${DOC}/sbom.cdx.json`, Buffer.from(addOnSbom({ name: ZIGBEE_PACKAGE, version, arch, packages, files, dateSeconds }))),
  ];
}
