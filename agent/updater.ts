import { join } from 'node:path';
import { debianArch } from './release/manifest.ts';
import { FACTORY_FOLDER, KEY_FOLDERS, REFUSED_FILE, RELEASES_FOLDER, TRIAL_SECONDS_FILE, UPDATE_FOLDER } from './release/places.ts';
import { trustedKey } from './release/signature.ts';
import { trialSeconds } from './release/trial-seconds.ts';
import { createDisk, pinned, readText } from './updater/disk.ts';
import { runUpdater } from './updater/updater.ts';

/** The path unit repeats a run that failed at once, since the message still lies there: a full disk must not spin. */
const PAUSE_MS = 60_000;

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** The root side of an update: no network, no message bus, nothing of what the agent may have changed is executed. */
function main(): void {
  const disk = createDisk();
  const keyFiles = KEY_FOLDERS.flatMap((folder) => (orNull(() => disk.list(folder)) ?? []).map((name) => join(folder, name)));
  const { model } = orNull(() => JSON.parse(readText('/etc/hub-agent/identity.json')) as { model?: unknown }) ?? {};
  runUpdater(disk, {
    releases: RELEASES_FOLDER,
    library: FACTORY_FOLDER,
    factory: { sequence: Number(readText(`${FACTORY_FOLDER}/SEQUENCE`)), system: Number(readText(`${FACTORY_FOLDER}/SYSTEM`)) },
    update: pinned('/var/lib/hub-agent', UPDATE_FOLDER),
    keys: keyFiles.filter((file) => file.endsWith('.pem')).flatMap((file) => orNull(() => trustedKey(Buffer.from(readText(file)))) ?? []),
    arch: debianArch(process.arch),
    model: typeof model === 'string' ? model : null,
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    uptimeSeconds: Math.floor(Number(readText('/proc/uptime').split(' ')[0])),
    trialSeconds: trialSeconds(orNull(() => readText(TRIAL_SECONDS_FILE))),
    refused: orNull(() => readText(REFUSED_FILE)),
    nowSeconds: Math.floor(Date.now() / 1000),
    log: (line) => void process.stdout.write(`${line}\n`),
  });
}

try {
  main();
} catch (error) {
  process.stdout.write(`the updater failed, and tries again in a minute: ${(error as Error).message}\n`);
  process.exitCode = 1;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
