import { join } from 'node:path';
import { FACTORY_FOLDER, KEY_FOLDERS, RELEASES_FOLDER, UPDATE_FOLDER } from './release/places.ts';
import { trustedKey } from './release/signature.ts';
import { createDisk, type Disk, pinned, readText } from './updater/disk.ts';
import { runUpdater } from './updater/updater.ts';

/** How long a trial that is not started again may take to prove itself; the unit's environment can shorten it for tests. */
const TRIAL_SECONDS = 600;
const STATE_DIRECTORY = '/var/lib/hub-agent';
const IDENTITY = '/etc/hub-agent/identity.json';
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function modelOf(identity: string): string | null {
  const { model } = JSON.parse(identity) as { model?: unknown };
  return typeof model === 'string' ? model : null;
}

function trustedKeys(disk: Disk) {
  const files = KEY_FOLDERS.flatMap((folder) =>
    (orNull(() => disk.list(folder)) ?? []).filter((name) => name.endsWith('.pem')).map((name) => join(folder, name)),
  );
  return files.flatMap((file) => orNull(() => trustedKey(Buffer.from(readText(file)))) ?? []);
}

/** The root side of an update: no network, no message bus, nothing of what the agent may have changed is executed. */
function main(): void {
  const disk = createDisk();
  runUpdater(disk, {
    releases: RELEASES_FOLDER,
    library: FACTORY_FOLDER,
    factory: { sequence: Number(readText(`${FACTORY_FOLDER}/SEQUENCE`)), system: Number(readText(`${FACTORY_FOLDER}/SYSTEM`)) },
    update: pinned(STATE_DIRECTORY, UPDATE_FOLDER),
    keys: trustedKeys(disk),
    arch: ARCHITECTURES[process.arch] ?? process.arch,
    model: orNull(() => modelOf(readText(IDENTITY))),
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    uptimeSeconds: Math.floor(Number(readText('/proc/uptime').split(' ')[0])),
    trialSeconds: Number(process.env.HUB_TRIAL_SECONDS) || TRIAL_SECONDS,
    nowSeconds: Math.floor(Date.now() / 1000),
    log: (line) => void process.stdout.write(`${line}\n`),
  });
}

main();
