import { createHash } from 'node:crypto';
import type { TarEntry } from '../../agent/system/tar.ts';
import type { InsidePackage } from './licences.ts';
import { LINKED, unknownLibraries, versionIn } from './linked.ts';
import type { Architecture } from './runtime.ts';

/** What an SBOM is made of. */
export interface SbomSources {
  name: string;
  /** Of the Debian package. */
  version: string;
  arch: Architecture;
  /** The npm packages that can be in the bundle. */
  packages: readonly InsidePackage[];
  /** Versions of what is inside Node, as `process.versions` of that Node tells them. */
  nodeVersions: Readonly<Record<string, string | undefined>>;
  /** The files of the package. */
  files: readonly TarEntry[];
  /** The last change of the sources. */
  dateSeconds: number;
}

interface Component {
  type: 'application' | 'library' | 'platform' | 'file' | 'operating-system';
  'bom-ref': string;
  name: string;
  version?: string;
  purl?: string;
  hashes?: { alg: 'SHA-256' | 'SHA-512'; content: string }[];
  licenses?: ({ expression: string } | { license: { name: string } })[];
  externalReferences?: { type: 'vcs'; url: string }[];
  properties?: { name: string; value: string }[];
}

/** Where the SBOM lies in the package. */
export const SBOM_PATH = 'usr/share/doc/hub-agent/sbom.cdx.json';
const CRT = 'aws-crt';
/** Of `process.versions`: no software, or not a version. */
const NOT_SOFTWARE = new Set(['node', 'modules', 'napi', 'unicode', 'tz', 'cldr']);
/** As their projects call themselves. */
const NODE_PARTS: Readonly<Record<string, string>> = { uv: 'libuv', ares: 'c-ares', ada: 'ada-url' };

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const byReference = (a: { 'bom-ref': string }, b: { 'bom-ref': string }) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1);

/** SPDX expressions are passed on; npm's own words for anything else are a name. */
function licensesOf(licence: string): NonNullable<Component['licenses']> {
  return /^[A-Za-z0-9.+() -]+$/.test(licence) && !/^see /i.test(licence) ? [{ expression: licence }] : [{ license: { name: licence } }];
}

function npmComponent({ name, version, licence, integrity }: InsidePackage): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const sha512 = /^sha512-(.+)$/.exec(integrity ?? '')?.[1];
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(sha512 && { hashes: [{ alg: 'SHA-512' as const, content: Buffer.from(sha512, 'base64').toString('hex') }] }),
    licenses: licensesOf(licence),
  };
}

function linkedComponents(crt: Buffer, crtVersion: string): Component[] {
  return LINKED.map(({ name, licence, source, within }) => {
    const version = versionIn(crt, name);
    return {
      type: 'library',
      'bom-ref': `linked:${name}`,
      name,
      ...(version !== null && { version }),
      licenses: [{ expression: licence }],
      externalReferences: [{ type: 'vcs', url: source }],
      properties: [
        { name: 'hub-agent:source', value: `as in the source of ${within ? `${within}, in that of ` : ''}${CRT} ${crtVersion}` },
      ],
    };
  });
}

function nodeComponents(versions: SbomSources['nodeVersions']): Component[] {
  return Object.entries(versions).flatMap(([key, version]): Component[] => {
    if (!version || NOT_SOFTWARE.has(key)) return [];
    const name = NODE_PARTS[key] ?? key;
    return [{ type: 'library', 'bom-ref': `node:${name}`, name, version }];
  });
}

/** A UUID made of the content: the same content has the same serial number (RFC 9562, version 8). */
function serialOf(content: string): string {
  const digest = createHash('sha256').update(content).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The software bill of materials of a package: CycloneDX 1.6 as JSON (ECMA-424), with Node and what it says is inside, the npm packages, the
 * libraries linked into aws-crt, and the hashes of the binaries. The same sources give the same bytes.
 * @throws Error when aws-crt's binary contains a library that is not listed, or when one that is listed is not in it.
 */
export function makeSbom({ name, version, arch, packages, nodeVersions, files, dateSeconds }: SbomSources): string {
  const fileAt = (path: string) => Buffer.from(files.find((file) => file.path.endsWith(path))?.data ?? []);
  const crtBinary = fileAt('/native/aws-crt.node');
  const unknown = unknownLibraries(crtBinary);
  if (unknown.length > 0)
    throw new Error(`aws-crt's binary contains ${unknown.join(', ')}: add it with its licence to scripts/package/linked.ts.`);
  const missing = LINKED.filter(({ mark }) => mark !== undefined && !crtBinary.includes(mark)).map((one) => one.name);
  if (missing.length > 0)
    throw new Error(`aws-crt's binary no longer contains ${missing.join(', ')}: remove it from scripts/package/linked.ts.`);

  const own = `pkg:deb/${name}@${version}?arch=${arch}`;
  const node = `pkg:generic/node@${nodeVersions.node}`;
  const crt = packages.find((one) => one.name === CRT);
  const npm = packages.map(npmComponent);
  const linked = linkedComponents(crtBinary, crt?.version ?? '?');
  const inNode = nodeComponents(nodeVersions);
  const nodeBinary = files.find(({ path }) => path.endsWith('/node'));
  const runtime: Component = {
    type: 'platform',
    'bom-ref': node,
    name: 'node',
    version: nodeVersions.node!,
    purl: node,
    ...(nodeBinary && { hashes: [{ alg: 'SHA-256' as const, content: sha256(nodeBinary.data) }] }),
    licenses: [{ expression: 'MIT' }],
  };
  const binaries = binariesOf(files);
  const components = [runtime, ...npm, ...linked, ...inNode, ...binaries].sort(byReference);
  const references = (list: readonly Component[]) => list.map((one) => one['bom-ref']).sort();
  const ofCrt = crt ? [{ ref: npmComponent(crt)['bom-ref'], dependsOn: references(linked) }] : [];
  const direct = [node, ...references(npm)].sort();
  const body = {
    version: 1,
    metadata: {
      timestamp: new Date(dateSeconds * 1000).toISOString(),
      component: { type: 'application', 'bom-ref': own, name, version, purl: own, licenses: [{ expression: 'Apache-2.0' }] },
    },
    components,
    dependencies: [{ ref: own, dependsOn: direct }, { ref: node, dependsOn: references(inNode) }, ...ofCrt],
  };
  return bomText(body);
}

const binariesOf = (files: readonly TarEntry[]): Component[] =>
  files
    .filter(({ path }) => /\.(node|cjs)$/.test(path))
    .map(({ path, data }) => {
      return { type: 'file', 'bom-ref': `file:/${path}`, name: `/${path}`, hashes: [{ alg: 'SHA-256', content: sha256(data) }] };
    });

function bomText(body: object): string {
  const head = { $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', bomFormat: 'CycloneDX', specVersion: '1.6' };
  return `${JSON.stringify({ ...head, serialNumber: serialOf(JSON.stringify(body)), ...body }, null, 1)}\n`;
}

/** The bill of materials of a package of npm packages alone, which are there as files of their own. The same sources give the same bytes. */
export function addOnSbom(sources: Pick<SbomSources, 'name' | 'version' | 'arch' | 'packages' | 'files' | 'dateSeconds'>): string {
  const { name, version, arch, packages, files, dateSeconds } = sources;
  const own = `pkg:deb/${name}@${version}?arch=${arch}`;
  const npm = packages.map(npmComponent);
  const components = [...npm, ...binariesOf(files)].sort(byReference);
  return bomText({
    version: 1,
    metadata: {
      timestamp: new Date(dateSeconds * 1000).toISOString(),
      component: { type: 'application', 'bom-ref': own, name, version, purl: own },
    },
    components,
    dependencies: [{ ref: own, dependsOn: npm.map((one) => one['bom-ref']).sort() }],
  });
}
