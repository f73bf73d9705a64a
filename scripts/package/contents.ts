import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry } from '../../agent/system/tar.ts';
import { readElf } from './elf.ts';
import type { Architecture } from './runtime.ts';

/** Where the parts of a package come from. */
export interface Sources {
  root: string;
  /** The build's output for the architecture. */
  dist: string;
  node: Buffer;
  licences: string;
}

const LIBRARY = 'usr/lib/hub-agent';
const SHARE = 'usr/share/hub-agent';
/** From the repository, as they are. */
const PLAIN: readonly (readonly [from: string, to: string, mode?: number])[] = [
  ['systemd/hub-agent.service', 'usr/lib/systemd/system/hub-agent.service'],
  ['systemd/hub-agent-update.service', 'usr/lib/systemd/system/hub-agent-update.service'],
  ['systemd/hub-agent-update.path', 'usr/lib/systemd/system/hub-agent-update.path'],
  ['systemd/hub-agent-trial.timer', 'usr/lib/systemd/system/hub-agent-trial.timer'],
  ['systemd/start-pace', `${LIBRARY}/start-pace`, 0o755],
  ['systemd/launch', `${LIBRARY}/launch`, 0o755],
  ['systemd/sysusers.d/hub-agent.conf', 'usr/lib/sysusers.d/hub-agent.conf'],
  ['systemd/tmpfiles.d/hub-agent.conf', 'usr/lib/tmpfiles.d/hub-agent.conf'],
  ['systemd/modules-load.d', 'usr/lib/modules-load.d'],
  ['systemd/polkit/50-hub-agent.rules', 'usr/share/polkit-1/rules.d/50-hub-agent.rules'],
  ['systemd/example', `${SHARE}/example`],
  ['systemd/schema', `${SHARE}/schema`],
];
/** From the build, beside its programs and their parts (`*.cjs`), those that it has. */
const FROM_BUILD: readonly (readonly [from: string, to: string])[] = [
  ['native', `${LIBRARY}/native`],
  ['VERSION', `${LIBRARY}/VERSION`],
  ['hubctl.1', 'usr/share/man/man1/hubctl.1'],
  ['completions/hubctl.bash', 'usr/share/bash-completion/completions/hubctl'],
];
const REQUIRED = ['hub-agent.cjs', 'node-wifi-worker.cjs', 'zigbee-host.cjs', 'hub-updater.cjs', 'native', 'VERSION'];

/** Programs on the PATH: those of the release that is in use, with its own runtime. */
function launcher(program: string): Buffer {
  return Buffer.from(`#!/bin/sh\nexec /${LIBRARY}/launch ${program} "$@"\n`);
}

function file(path: string, data: Buffer, mode = 0o644): TarEntry {
  return { path, kind: 'file', mode, data };
}

async function copy(from: string, to: string, mode?: number): Promise<TarEntry[]> {
  if (!(await stat(from)).isDirectory()) return [file(to, await readFile(from), mode)];
  const names = (await readdir(from)).sort();
  return (await Promise.all(names.map((name) => copy(join(from, name), `${to}/${name}`)))).flat();
}

async function fromBuild(dist: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const names = await readdir(dist).catch((): string[] => []);
  const scripts = names.filter((name) => name.endsWith('.cjs')).map((name) => [name, `${LIBRARY}/${name}`] as const);
  for (const missing of REQUIRED.filter((name) => !names.includes(name)))
    throw new Error(`${join(dist, missing)} is missing: run npm run build first.`);
  for (const [from, to] of [...scripts.sort(), ...FROM_BUILD]) {
    const path = join(dist, from);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) entries.push(...(await copy(path, to)));
  }
  return entries;
}

/** Every file of the package. @throws Error when one is missing. */
export async function collectFiles({ root, dist, node, licences }: Sources): Promise<TarEntry[]> {
  const built = await fromBuild(dist);
  const plain = await Promise.all(PLAIN.map(([from, to, mode]) => copy(join(root, from), to, mode)));
  const programs = [file('usr/bin/hub-agent', launcher('hub-agent'), 0o755)];
  if (built.some(({ path }) => path === `${LIBRARY}/hubctl.cjs`)) programs.push(file('usr/bin/hubctl', launcher('hubctl'), 0o755));
  return [
    ...built,
    ...plain.flat(),
    ...programs,
    file(`${LIBRARY}/node`, node, 0o755),
    file('usr/share/doc/hub-agent/copyright', Buffer.from(licences)),
  ];
}

/** Binaries of another processor, and binaries that are no binaries. Empty when all is well. */
export function foreignBinaries(files: readonly TarEntry[], arch: Architecture): string[] {
  return files.flatMap(({ path, data }) => {
    const elf = readElf(data);
    const mustBeElf = path === `${LIBRARY}/node` || path.endsWith('.node');
    if (elf === null) return mustBeElf ? [`${path} is no ELF binary`] : [];
    return elf.machine === arch && elf.bits === 64 ? [] : [`${path} is for ${elf.machine}, not ${arch}`];
  });
}
