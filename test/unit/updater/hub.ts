import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Manifest, manifestText } from '../../../agent/release/manifest.ts';
import { COUNT_FILE, STATE_FILE } from '../../../agent/release/places.ts';
import { formatState, parseState, type ReleasesState, type Verdict } from '../../../agent/release/state.ts';
import { createDisk, type Disk } from '../../../agent/updater/disk.ts';
import type { UpdaterMachine } from '../../../agent/updater/facts.ts';
import { runUpdater } from '../../../agent/updater/updater.ts';

const LAUNCH = resolve(import.meta.dirname, '../../../systemd/launch');
export const FACTORY_SEQUENCE = 10;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
/** The key that the hubs of tests trust. */
export const trusted = publicKey;

/** Signs as the release tool does. */
export const signed = (text: string, key = privateKey) =>
  sign(null, Buffer.from(text), createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }))).toString('base64');

/** The files of a release: small ones, the agent's own differing with `mark`. */
export const filesOf = (mark: string): Record<string, string> => ({
  node: '#!/bin/sh\nnode of all releases\n',
  'hub-agent.cjs': `agent ${mark}`,
  'hubctl.cjs': `hubctl ${mark}`,
  'native/aws-crt.node': 'native of all releases',
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export function manifestOf(sequence: number, files: Record<string, string>, more: Partial<Manifest> = {}): Manifest {
  const parts = Object.entries(files).map(([name, text]) => ({ name, sha256: sha256(text), bytes: text.length }));
  return {
    format: 1,
    sequence,
    version: '1.0.0',
    arch: 'amd64',
    models: [],
    requiresSystem: 1,
    parts,
    createdAt: '2026-01-01T00:00:00Z',
    ...more,
  };
}

/** The real file system without its flushes, which are most of the time and none of the meaning here. */
export const unflushed: Disk = { ...createDisk(), sync: () => {} };

/** A hub's folders, its launcher and its updater, without systemd. */
export interface ReleaseHub {
  root: string;
  releases: string;
  update: string;
  machine: UpdaterMachine;
  log: string[];
  /** Hands a release to the updater, as the agent does: parts that no release on the hub has, then the request. */
  request(manifest: Manifest, options?: { attempt?: string; signature?: string; files?: Record<string, string> }): void;
  confirm(sequence: number, verdict: Verdict): void;
  askRollback(sequence: number): void;
  run(disk?: Disk): void;
  /** What the launcher chooses, counting a start: `0 committed`, `12 trial`. */
  select(): string;
  /** The launcher, for those who run many at once, and what it chose. */
  launcher: string;
  chosen(): string;
  /** As a start of the trial is counted, without a shell. */
  counted(sequence: number): void;
  /** Calls of systemctl by the launcher since the last time. */
  systemctl(): string[];
  settle(): void;
  boot(): void;
  state(): ReleasesState;
  setState(state: ReleasesState): void;
}

export function createReleaseHub(): ReleaseHub {
  const root = mkdtempSync(join(tmpdir(), 'release-hub-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const [library, releases, update] = ['library', 'releases', 'update'].map((name) => join(root, name)) as [string, string, string];
  for (const folder of [join(library, 'native'), releases, join(update, 'parts')]) mkdirSync(folder, { recursive: true });
  const files = filesOf('factory');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(library, name), text, { mode: name === 'node' ? 0o755 : 0o644 });
  writeFileSync(join(library, 'release.json'), manifestText(manifestOf(FACTORY_SEQUENCE, files)));
  writeFileSync(join(library, 'SEQUENCE'), `${FACTORY_SEQUENCE}\n`);
  writeFileSync(join(library, 'SYSTEM'), '1\n');
  const script = join(root, 'launch');
  const places: [string, string][] = [
    ['/usr/lib/hub-agent', library],
    ['/var/lib/hub-agent-releases', releases],
    ['/run/hub-agent-release', join(root, 'chosen')],
    ['/proc/sys/kernel/random/boot_id', join(root, 'boot-id')],
    ['/proc/uptime', join(root, 'uptime')],
  ];
  const text = places.reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(LAUNCH, 'utf8'));
  // The disk of a test needs no flush, and there is no systemd: what it would have been told is noted.
  const tools = `sync() { :; }\nsystemctl() { echo "$*" >> '${root}/systemctl'; }\n`;
  writeFileSync(script, tools + text);
  const launch = (...args: string[]) => execFileSync('sh', [script, ...args], { encoding: 'utf8' });
  const chosen = () => readFileSync(join(root, 'chosen'), 'utf8').trim();
  const log: string[] = [];
  const machine: UpdaterMachine = {
    releases,
    library,
    factory: { sequence: FACTORY_SEQUENCE, system: 1 },
    update,
    keys: [publicKey],
    arch: 'amd64',
    model: 'HUB-1',
    bootId: '',
    uptimeSeconds: 100,
    trialSeconds: 600,
    refused: null,
    nowSeconds: 1_800_000_000,
    log: (line) => log.push(line),
  };
  let boots = 0;
  const boot = () => {
    machine.bootId = `boot-${++boots}`;
    machine.uptimeSeconds = 100;
    writeFileSync(join(root, 'boot-id'), `${machine.bootId}\n`);
    writeFileSync(join(root, 'uptime'), `${machine.uptimeSeconds}.42 1.00\n`);
    rmSync(join(root, 'chosen'), { force: true });
  };
  boot();
  return {
    root,
    releases,
    update,
    machine,
    log,
    boot,
    request(manifest, { attempt = 'job:1', signature, files: given = {} } = {}) {
      for (const content of Object.values(given)) writeFileSync(join(update, 'parts', sha256(content)), content);
      const words = manifestText(manifest);
      writeFileSync(join(update, 'request.json'), JSON.stringify({ manifest: words, signature: signature ?? signed(words), attempt }));
    },
    confirm: (sequence, verdict) => writeFileSync(join(update, 'confirm.json'), JSON.stringify({ sequence, verdict })),
    askRollback: (sequence) => writeFileSync(join(releases, 'rollback'), `${sequence}\n`),
    run: (disk = unflushed) => void runUpdater(disk, machine),
    launcher: script,
    chosen,
    select() {
      launch('select');
      return chosen();
    },
    counted: (sequence) => writeFileSync(join(releases, COUNT_FILE), `${sequence} 1 1 ${machine.bootId} ${machine.uptimeSeconds}\n`),
    systemctl() {
      const path = join(root, 'systemctl');
      const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
      rmSync(path, { force: true });
      return lines;
    },
    settle: () => void launch('settle'),
    state: () => parseState(readFileSync(join(releases, STATE_FILE), 'utf8')),
    setState: (state) => writeFileSync(join(releases, STATE_FILE), formatState(state)),
  };
}

/** What lies in root's folder and belongs to nothing. */
export function leftovers({ releases, state }: ReleaseHub): string[] {
  const { current, previous, trial } = state();
  const known = [
    'state',
    'state.old',
    COUNT_FILE,
    ...[current, previous, ...(trial ? [trial] : [])].map(({ sequence }) => String(sequence)),
  ];
  return readdirSync(releases).filter((name) => !known.includes(name));
}

/** Has the launchers of many hubs choose, in one shell: to start one is most of the work. */
export function selectAll(hubs: readonly ReleaseHub[]): void {
  execFileSync('sh', ['-c', 'for launcher; do sh "$launcher" select; done', 'sh', ...hubs.map(({ launcher }) => launcher)]);
}

/** What the launcher chooses with a file of root's folder cut after each of its bytes, the whole file last. */
export function selectCut({ launcher, releases, root }: ReleaseHub, name: string): string[] {
  const bytes = readFileSync(join(releases, name)).length;
  const script = `cp '${releases}/${name}' '${root}/whole'
    for bytes in $(seq 0 ${bytes}); do
      head -c "$bytes" '${root}/whole' > '${releases}/${name}'
      sh '${launcher}' select && cat '${root}/chosen'
    done`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}
