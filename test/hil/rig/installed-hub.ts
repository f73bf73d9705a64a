import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Manifest, manifestText } from '../../../agent/release/manifest.ts';
import { readReleasesState } from '../../../agent/release/read-state.ts';
import type { ReleasesState } from '../../../agent/release/state.ts';
import { createFiles } from '../../../agent/system/files.ts';
import { createDisk } from '../../../agent/updater/disk.ts';
import { runUpdater } from '../../../agent/updater/updater.ts';
import { type AgentProcess, nodeFlags } from './agent-process.ts';
import type { Rig } from './rig.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const LAUNCH = join(REPOSITORY, 'systemd/launch');
const MAIN = join(REPOSITORY, 'agent/main.ts');
const LOOK_MS = 50;
const RESTART_MS = 100;
/** The sequence of the package. */
export const FACTORY_SEQUENCE = 10;

/** A release of the rig, signed by a key that its hub trusts. */
export interface InstalledRelease {
  /** Latin-1 texts of the parts, by name. */
  files: Readonly<Record<string, string>>;
  manifest: Manifest;
  text: string;
  signature: string;
}

/** A hub with launcher, updater and releases below the rig's folder, and what systemd does for them. */
export interface InstalledHub {
  readonly root: string;
  /** Everything that an update may change; `script` runs in place of the agent, or before it. */
  release(sequence: number, script?: string): InstalledRelease;
  state(): Promise<ReleasesState>;
  /** The agent that runs now. */
  agent(): AgentProcess;
  /** Hands a release over as `hubctl update apply` does. */
  apply(release: InstalledRelease, attempt: string): void;
  stop(): Promise<void>;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/**
 * Installs the package's release and starts its agent. `trialSeconds`: how long a trial may take; a tenth of it has to pass. `base`: the files of
 * every release, texts; without it their agent is the checkout's.
 */
export function startInstalledHub(
  rig: Rig,
  { trialSeconds, base }: { trialSeconds: number; base?: Readonly<Record<string, string>> },
): InstalledHub {
  const root = join(rig.folder, 'installed');
  const library = join(root, 'usr/lib/hub-agent');
  const releases = join(root, 'var/lib/hub-agent-releases');
  const keys = join(root, 'usr/share/hub-agent/release-keys');
  const stateDirectory = join(rig.folder, 'state');
  const update = join(stateDirectory, 'update');
  for (const folder of [library, releases, keys]) mkdirSync(folder, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(keys, '1.pem'), publicKey.export({ type: 'spki', format: 'pem' }));

  /** Its words, then the agent: one `node` for all releases, and a bundle that differs. */
  const filesOf = (sequence: number, script: string): Record<string, string> => ({
    node: `#!/bin/sh\nexec '${process.execPath}' "$@"\n`,
    ...base,
    // It has the version of the agent inside.
    ...(base?.['hubctl.cjs'] && { 'hubctl.cjs': `${base['hubctl.cjs']}\n// release ${sequence}\n` }),
    'hub-agent.cjs': `// release ${sequence}\n${script}\n${base?.['hub-agent.cjs'] ?? `import(${JSON.stringify(MAIN)});`}\n`,
  });

  function release(sequence: number, script = ''): InstalledRelease {
    const files = filesOf(sequence, script);
    const manifest: Manifest = {
      format: 1,
      sequence,
      version: '1.0.0',
      arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
      models: ['HUB-1'],
      requiresSystem: 1,
      parts: Object.entries(files).map(([name, text]) => ({ name, sha256: sha256(text), bytes: Buffer.byteLength(text) })),
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    const text = manifestText(manifest);
    return { files, manifest, text, signature: sign(null, Buffer.from(text), privateKey).toString('base64') };
  }

  const factory = release(FACTORY_SEQUENCE);
  for (const [name, text] of Object.entries(factory.files)) writeFileSync(join(library, name), text, { mode: 0o755 });
  writeFileSync(join(library, 'release.json'), factory.text);
  writeFileSync(join(library, 'SEQUENCE'), `${FACTORY_SEQUENCE}\n`);
  writeFileSync(join(library, 'SYSTEM'), '1\n');
  mkdirSync(join(root, 'etc/hub-agent'), { recursive: true });
  writeFileSync(join(root, 'etc/hub-agent/trial-seconds'), `${trialSeconds}\n`);

  const notes = join(root, 'systemctl');
  const launcher = join(root, 'launch');
  const places: [string, string][] = [
    ['LIBRARY=/usr/lib', `LIBRARY='${root}'/usr/lib`],
    ['RELEASES=/var/lib', `RELEASES='${root}'/var/lib`],
    ['CHOSEN=/run/hub-agent-release', `CHOSEN='${root}/chosen'`],
  ];
  const tools = `sync() { :; }\nsystemctl() { echo "$*" >> '${notes}'; }\n`;
  writeFileSync(launcher, tools + places.reduce((text, [from, to]) => text.replace(from, to), readFileSync(LAUNCH, 'utf8')));
  const launch = (...args: string[]) => void execFileSync('sh', [launcher, ...args]);
  /** What systemd was asked for since the last time. */
  function asked(what: string): boolean {
    const lines = existsSync(notes) ? readFileSync(notes, 'utf8') : '';
    if (!lines.includes(what)) return false;
    writeFileSync(notes, lines.replaceAll(what, ''));
    return true;
  }

  let stopping = false;
  let agent: AgentProcess;
  let trialEndsMs: number | null = null;

  function start(): void {
    launch('select');
    // The rig names its files behind the program: the launcher's agent gets them from its script's arguments.
    const script = 'launcher=$1; shift; export RIG_ARGUMENTS="$*"; exec sh "$launcher" agent $RIG_FLAGS --require "$RIG_PRELOAD"';
    const preload = join(root, 'arguments.cjs');
    writeFileSync(preload, 'process.argv.push(...process.env.RIG_ARGUMENTS.split(" "));\n');
    agent = rig.startAgent({
      program: ['sh', '-c', script, 'sh', launcher],
      env: { RIG_PRELOAD: preload, RIG_FLAGS: nodeFlags().join(' ') },
    });
    const started = agent;
    void started.exited.then(async () => {
      if (stopping || agent !== started) return;
      await sleep(RESTART_MS);
      if (!stopping && agent === started) start();
    });
  }

  async function restart(): Promise<void> {
    const old = agent;
    // Its end is not a crash.
    agent = { ...old };
    await old.stop();
    if (!stopping) start();
  }

  function runOnce(): void {
    runUpdater(createDisk(), {
      releases,
      library,
      factory: { sequence: FACTORY_SEQUENCE, system: 1 },
      update: existsSync(update) ? update : null,
      keys: [publicKey],
      arch: factory.manifest.arch,
      model: 'HUB-1',
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      uptimeSeconds: Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])),
      trialSeconds,
      refused: null,
      nowSeconds: Math.floor(Date.now() / 1000),
      log: () => {},
    });
    launch('settle');
  }

  /** The path unit, the timer, and what the launcher asks systemd for. */
  async function supervise(): Promise<void> {
    while (!stopping) {
      const messages = [join(update, 'request.json'), join(update, 'confirm.json'), join(releases, 'rollback')];
      if (asked('--no-block start hub-agent-trial.timer')) trialEndsMs ??= performance.now() + (trialSeconds + 2) * 1000;
      if (asked('--no-block stop hub-agent-trial.timer')) trialEndsMs = null;
      const late = trialEndsMs !== null && performance.now() > trialEndsMs;
      if (asked('--no-block start hub-agent-update.service') || late || messages.some(existsSync)) runOnce();
      if (asked('--no-block try-restart hub-agent.service')) await restart();
      await sleep(LOOK_MS);
    }
  }

  start();
  const supervised = supervise();
  const files = createFiles();
  return {
    root,
    release,
    state: () => readReleasesState((path) => files.read(path), releases),
    agent: () => agent,
    apply({ files: parts, text, signature }, attempt) {
      mkdirSync(join(update, 'parts'), { recursive: true });
      for (const part of Object.values(parts)) writeFileSync(join(update, 'parts', sha256(part)), part);
      writeFileSync(join(update, 'request.new'), JSON.stringify({ manifest: text, signature, attempt }));
      execFileSync('mv', [join(update, 'request.new'), join(update, 'request.json')]);
    },
    async stop() {
      stopping = true;
      await supervised;
      await agent.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
