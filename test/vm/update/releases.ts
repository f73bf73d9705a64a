import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, manifestText } from '../../../agent/release/manifest.ts';

/** A signed release for the virtual hub. */
export interface VirtualRelease {
  manifest: Manifest;
  /** What is signed. */
  text: string;
  signature: string;
  files: ReadonlyMap<string, Buffer>;
}

export interface ReleaseMaker {
  /** Public keys that the hub trusts, PEM. */
  readonly trusted: readonly string[];
  /** The package's own files and its manifest. */
  readonly factory: VirtualRelease;
  /** The next release: it differs from the package's in one small part, whose `script` runs before the agent's bundle. `more` replaces fields of the manifest. */
  next(options?: { script?: string; ballast?: number; foreignKey?: boolean; more?: Partial<Manifest> }): VirtualRelease;
}

/** A part that all releases share and that is cheap to hash under emulation: the image's own Node by one more name. */
const NODE = '#!/bin/sh\nexec /opt/node/bin/node "$@"\n';
/** The name of the bundle in these releases; `hub-agent.cjs` loads it. */
const BUNDLE = 'bundle.cjs';
export const FACTORY_SEQUENCE = 1;

export const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

async function builtFiles(dist: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>([['node', Buffer.from(NODE)]]);
  for (const name of (await readdir(dist)).filter((each) => each.endsWith('.cjs') && each !== 'hub-updater.cjs'))
    files.set(name === 'hub-agent.cjs' ? BUNDLE : name, await readFile(join(dist, name)));
  for (const name of (await readdir(join(dist, 'native'))).filter((each) => each.endsWith('.node')))
    files.set(`native/${name}`, await readFile(join(dist, 'native', name)));
  return files;
}

/** Releases of the built agent in `dist`, signed by keys of their own. */
export async function createReleaseMaker(dist: string): Promise<ReleaseMaker> {
  const base = await builtFiles(dist);
  const hashes = new Map([...base].map(([name, data]) => [name, sha256(data)]));
  const keys = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const foreign = generateKeyPairSync('ed25519');
  let sequence = FACTORY_SEQUENCE;

  function signed(own: ReadonlyMap<string, Buffer>, number: number, key: KeyObject, more: Partial<Manifest> = {}): VirtualRelease {
    const files = new Map([...base, ...own]);
    const parts = [...files].map(([name, data]) => ({
      name,
      sha256: own.has(name) ? sha256(data) : hashes.get(name)!,
      bytes: data.length,
    }));
    const manifest: Manifest = {
      format: 1,
      sequence: number,
      version: `0.0.${number}`,
      arch: 'amd64',
      models: [],
      requiresSystem: 1,
      parts: parts.sort((a, b) => (a.name < b.name ? -1 : 1)),
      createdAt: '2026-01-01T00:00:00.000Z',
      ...more,
    };
    const text = manifestText(manifest);
    return { manifest, text, signature: sign(null, Buffer.from(text), key).toString('base64'), files };
  }

  const agentOf = (number: number, script: string): [string, Buffer] => [
    'hub-agent.cjs',
    Buffer.from(`// release ${number}\n${script}\nrequire('./${BUNDLE}');\n`),
  ];

  return {
    trusted: keys.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    factory: signed(new Map([agentOf(sequence, '')]), sequence, keys[0]!.privateKey),
    next({ script = '', ballast = 0, foreignKey = false, more } = {}) {
      sequence += 1;
      const own = new Map([agentOf(sequence, script)]);
      if (ballast > 0) own.set('ballast.cjs', Buffer.from(incompressible(sequence, ballast)));
      // Either key of the two is good.
      const { privateKey } = foreignKey ? foreign : keys[sequence % 2]!;
      return signed(own, sequence, privateKey, more);
    },
  };
}

/** A text of so many bytes, of which half is left when it is packed. */
function incompressible(seed: number, bytes: number): string {
  const lines: string[] = [];
  for (let index = 0; index * 64 < bytes; index++) lines.push(sha256(Buffer.from(`${seed} ${index}`)));
  return lines.join('');
}
