import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { FIRST_STATE, parseState, type ReleasesState } from '../../../agent/release/state.ts';
import { packTar, type TarEntry } from '../../../agent/system/tar.ts';
import type { JobExecution } from '../../twins/iot-core/jobs/types.ts';
import type { AgentWorld } from '../agent-world.ts';
import { until } from '../cloud-world.ts';
import { quoted } from '../guest.ts';
import type { VirtualHub } from '../hub.ts';
import { RUN_FILES } from '../qemu.ts';
import { FACTORY_SEQUENCE, type ReleaseMaker, sha256, type VirtualRelease } from './releases.ts';

/** A program, a call of it, before or after it, and what its arguments have in them. */
export type Hold = `${'hub-updater' | 'hub-agent' | 'launch'} ${string} ${'before' | 'after'} ${string}`;

/** Updates of the virtual hub: releases, jobs, the store, and where the power is cut. */
export interface UpdateWorld {
  readonly releases: ReleaseMaker;
  /** Puts the parts that the hub lacks into the store. */
  publish(release: VirtualRelease): void;
  /** Publishes, and sends the job; gives its id. */
  send(release: VirtualRelease): string;
  /** The execution once the condition holds; null after the time. */
  job(jobId: string, is: (execution: JobExecution) => boolean, timeoutMs: number): Promise<JobExecution | null>;
  /** How the job ended, as `STATUS reason`; null: not in time. */
  ended(jobId: string, timeoutMs: number): Promise<string | null>;
  /** Stops a program at this place when it next comes there in this boot. */
  hold(at: Hold): Promise<void>;
  /** Lets the next ones pass. */
  letGo(): Promise<void>;
  /** Waits until a program stands where `hold` said. */
  held(timeoutMs: number): Promise<boolean>;
  /** The state that root keeps. */
  state(): Promise<ReleasesState>;
  /** What the launcher chose last: `3 trial`. */
  chosen(): Promise<string>;
  /** Waits for words in the journal that come from now on; begins to listen when it is called. */
  says(words: string, timeoutMs: number): Promise<boolean>;
  /** Brings a release to the hub as one file, with the parts that it lacks; gives its path there. */
  carry(release: VirtualRelease): Promise<string>;
  /** Cuts what the store has of this release's own agent short. */
  truncate(release: VirtualRelease): void;
  /** Waits until the serial bus is up. @throws Error after the time */
  busIsUp(): Promise<void>;
  /** How long a trial may take from now on. */
  setTrialSeconds(seconds: number): Promise<void>;
}

const GUEST = join(import.meta.dirname, 'guest');
const CUTS = '/opt/cuts';
const BUCKET = 'releases';
const BUS_TIMEOUT_MS = 180_000;
/** A tenth of it a trial must last, and nine tenths it has to become good: an emulated agent needs half a minute for that on a busy host. */
export const TRIAL_SECONDS = 150;
const PATH = `${CUTS}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const DROP_INS: Readonly<Record<string, string>> = {
  'hub-agent.service': `[Service]\nEnvironment=NODE_OPTIONS=--require=${CUTS}/hold.cjs PATH=${PATH}\n`,
  'hub-agent-update.service': `[Service]\nEnvironment=NODE_OPTIONS=--require=${CUTS}/hold.cjs PATH=${PATH}\n`,
  // The updater's own clock judges; it is asked more often than on a hub, where a trial has its 10 minutes.
  'hub-agent-trial.timer': '[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=30s\nOnUnitInactiveSec=15s\n',
};
const ENDED = ['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED'];

/** Makes a package's layout that of a factory release with manifest and keys, with short trials, and with places to cut the power. */
export async function furnishForUpdates(folder: string, { factory, trusted }: ReleaseMaker): Promise<void> {
  const put = async (path: string, data: string | Buffer, mode = 0o644) => {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), data, { mode });
    await chmod(join(folder, path), mode);
  };
  const library = 'usr/lib/hub-agent';
  await rm(join(folder, library, 'node'), { force: true });
  for (const [name, data] of factory.files) await put(`${library}/${name}`, data, name === 'node' ? 0o755 : 0o644);
  await put(`${library}/release.json`, factory.text);
  await put(`${library}/release.sig`, `${factory.signature}\n`);
  await put(`${library}/SEQUENCE`, `${FACTORY_SEQUENCE}\n`);
  for (const [index, key] of trusted.entries()) await put(`usr/share/hub-agent/release-keys/${index + 1}.pem`, key);
  await put('usr/bin/hubctl', `#!/bin/sh\nexec /${library}/launch hubctl "$@"\n`, 0o755);
  await put('etc/hub-agent/trial-seconds', `${TRIAL_SECONDS}\n`);
  for (const [unit, text] of Object.entries(DROP_INS)) await put(`etc/systemd/system/${unit}.d/cuts.conf`, text);
  await cp(GUEST, join(folder, CUTS), { recursive: true });
  for (const name of ['mv', 'sync', 'systemctl']) await symlink('hold', join(folder, CUTS, 'bin', name));
  const config = join(folder, 'etc/hub-agent/agent.json');
  const agent = JSON.parse(await readFile(config, 'utf8')) as Record<string, unknown>;
  const update = { jobs: true, spreadSeconds: 0, maxKilobytesPerSecond: 0 };
  await writeFile(config, JSON.stringify({ ...agent, update }));
  const { cloud, buses } = agent as { cloud: Record<string, unknown>; buses: Record<string, unknown>[] };
  const caPath = '/etc/hub-agent/ca.pem';
  await put(`${CUTS}/no-cloud.json`, JSON.stringify({ ...agent, cloud: { ...cloud, caPath, port: 9 } }));
  await put(
    `${CUTS}/no-bus.json`,
    JSON.stringify({
      ...agent,
      update,
      cloud: { ...cloud, caPath },
      buses: buses.map((bus) => ({ ...bus, path: '/dev/serial/by-id/gone' })),
    }),
  );
}

/** @param world the agent's world in that hub, started with `furnishForUpdates` */
export function createUpdateWorld({
  hub,
  world,
  releases,
  signal,
}: {
  hub: VirtualHub;
  world: AgentWorld;
  releases: ReleaseMaker;
  signal: AbortSignal;
}): UpdateWorld {
  const { iotCore, store, identity } = world.cloud;
  const known = new Set([...releases.factory.files.values()].map(sha256));
  const journal = join(hub.runFolder, RUN_FILES.journal);
  const size = async () => (await stat(journal)).size;
  const comes = (words: string, from: number, timeoutMs: number) =>
    until(async () => (await readFile(journal)).subarray(from).includes(words), timeoutMs, signal);
  /** Keys of objects that stay as they were cut. */
  const cut = new Set<string>();
  let jobs = 0;
  let heldFrom = 0;

  function urls({ manifest, files }: VirtualRelease): Record<string, string> {
    const parts = manifest.parts.filter((part) => !known.has(part.sha256));
    const params = { [constants.ZSTD_c_compressionLevel]: 3 };
    const whole = parts.filter(({ sha256: hash }) => !cut.has(`parts/${hash}.zst`));
    for (const { name, sha256: hash } of whole) store.put(BUCKET, `parts/${hash}.zst`, zstdCompressSync(files.get(name)!, { params }));
    const place = (hash: string) => `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/${BUCKET}/parts/${hash}.zst}`;
    return Object.fromEntries(parts.map(({ sha256: hash }) => [hash, place(hash)]));
  }

  const job: UpdateWorld['job'] = async (jobId, is, timeoutMs) => {
    const now = () => iotCore.jobs.execution(jobId);
    const came = await until(() => now() !== null && is(now()!), timeoutMs, signal);
    return came ? now() : null;
  };

  return {
    releases,
    publish: (release) => void urls(release),
    truncate({ files }) {
      const key = `parts/${sha256(files.get('hub-agent.cjs')!)}.zst`;
      const whole = store.get(BUCKET, key)!;
      store.put(BUCKET, key, whole.subarray(0, whole.length >> 1));
      cut.add(key);
    },
    async carry(release) {
      const entry = (path: string, data: Buffer): TarEntry => ({ path, kind: 'file', mode: 0o644, data });
      const { manifest, files, text, signature } = release;
      const own = manifest.parts.filter((part) => !known.has(part.sha256));
      const archive = packTar(
        [
          entry('release.json', Buffer.from(text)),
          entry('release.sig', Buffer.from(`${signature}\n`)),
          ...own.map(({ name, sha256: hash }) => entry(`parts/${hash}.zst`, zstdCompressSync(files.get(name)!))),
        ],
        0,
      );
      const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-release-'));
      try {
        const path = `/var/tmp/${manifest.sequence}.release`;
        await writeFile(join(folder, 'release'), archive);
        await hub.copyIn(join(folder, 'release'), path);
        return path;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    async busIsUp() {
      const script = 'until hubctl status --json | grep -q \'"state":"up"\'; do sleep 1; done';
      await hub.must(script, { timeoutMs: BUS_TIMEOUT_MS });
    },
    send(release) {
      const jobId = `update-${++jobs}`;
      const { text, signature } = release;
      const document = { operation: 'update_agent', manifest: text, signature, parts: urls(release) };
      iotCore.jobs.create({ jobId, thingName: identity.hubId, document });
      return jobId;
    },
    job,
    async ended(jobId, timeoutMs) {
      const execution = await job(jobId, ({ status }) => ENDED.includes(status), timeoutMs);
      return execution && [execution.status, execution.statusDetails.reason].filter(Boolean).join(' ');
    },
    async hold(at) {
      heldFrom = await size();
      await hub.must(`umask 022; echo ${quoted(at)} > /run/hold-at`);
    },
    letGo: async () => void (await hub.must('rm -f /run/hold-at')),
    held: (timeoutMs) => comes('held at', heldFrom, timeoutMs),
    async state() {
      const text = await hub.must('cat /var/lib/hub-agent-releases/state 2> /dev/null || true');
      return text === '' ? FIRST_STATE : parseState(text);
    },
    // Early in a boot the launcher has not written it yet.
    chosen: async () => (await hub.run('cat /run/hub-agent-release')).stdout.trim(),
    says: async (words, timeoutMs) => comes(words, await size(), timeoutMs),
    setTrialSeconds: async (seconds) => void (await hub.must(`echo ${seconds} > /etc/hub-agent/trial-seconds`)),
  };
}
