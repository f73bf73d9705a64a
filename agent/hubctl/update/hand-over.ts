import { join } from 'node:path';
import type { ReleasePart } from '../../release/manifest.ts';
import type { PartFiles } from '../../release/part-file.ts';
import { REQUEST_FILE } from '../../release/places.ts';
import { type Occupied, takeTurn } from '../../release/turn.ts';
import { HubError } from '../../system/errors.ts';
import type { Files } from '../../system/files.ts';
import type { ProcessLock } from '../../system/process-lock.ts';
import { storageProblem } from '../../system/storage-problem.ts';
import { damaged, type ReleaseFile } from './release-file.ts';

export interface HandOverDeps {
  /** The agent's folder for updates. */
  folder: string;
  parts: PartFiles;
  files: Pick<Files, 'read' | 'writeAtomic'>;
  /** Of everyone who prepares an update on this hub. */
  lock: ProcessLock;
  signal: AbortSignal;
}

const OCCUPIED: Readonly<Record<Occupied, string>> = {
  prepared: 'is being prepared on this hub, by a job of the cloud or by another hubctl. Try again when it has ended: hubctl update status',
  requested: 'waits for the updater. Look with: systemctl status hub-agent-update.path hub-agent-update.service',
};

/**
 * Runs `use` while no other update is prepared on this hub, and none waits for the updater.
 * @throws HubError `busy`, with the reason
 */
export async function inTurn<T>(
  { lock, files, folder }: Pick<HandOverDeps, 'lock' | 'files' | 'folder'>,
  use: () => Promise<T>,
): Promise<T> {
  const free = await takeTurn(lock, async () => (await files.read(join(folder, REQUEST_FILE), { follow: false })) !== null);
  if (typeof free === 'string') throw new HubError('busy', `Another update ${OCCUPIED[free]}`);
  try {
    return await use();
  } finally {
    free();
  }
}

/**
 * Unpacks the parts one after the other into the agent's folder, then leaves the request for the updater. What goes wrong leaves nothing behind.
 * @param path of the release, for the errors
 * @throws HubError that says what is wrong, and how to solve it; other errors of the file system
 */
export async function handOver(
  { folder, parts, files, signal }: Omit<HandOverDeps, 'lock'>,
  { path, release, missing, attempt }: { path: string; release: ReleaseFile; missing: readonly ReleasePart[]; attempt: string },
): Promise<void> {
  try {
    await parts.open();
    await parts.keepOnly(new Set());
    for (const part of missing) {
      const packed = release.part(part);
      if (packed === null) throw damaged(path, `it has no ${part.name}, and the hub neither`);
      if (!(await parts.unpack(part, packed, signal))) throw damaged(path, `${part.name} is not what was packed`);
    }
    const { text: manifest, signature } = release;
    await files.writeAtomic(join(folder, REQUEST_FILE), JSON.stringify({ manifest, signature, attempt }));
  } catch (error) {
    await discard(parts);
    const problem = storageProblem(error, folder);
    if (problem === null) throw error;
    throw new HubError('storage_failed', `${problem.message}. Nothing was installed. Look with: df -h ${folder}; sudo dmesg | tail`, {
      cause: error,
    });
  }
}

/** Gives the room of the parts back: the updater has them, or nobody needs them. Never throws. */
export const discard = (parts: Pick<PartFiles, 'keepOnly'>): Promise<void> => parts.keepOnly(new Set()).catch(() => {});
