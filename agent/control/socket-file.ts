import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { HubError } from '../system/errors.ts';
import { makeFolders } from '../system/folders.ts';
import type { Guard } from '../system/guard.ts';

/** A listener on this machine takes a connection at once or not at all. */
const PROBE_TIMEOUT_MS = 1_000;

/** True when a process listens on the socket. */
function isAlive(path: string, guard: Guard): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const onEnd = (error?: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(error?.code !== 'ECONNREFUSED' && error?.code !== 'ENOENT');
    };
    const end = guard('control socket', onEnd);
    socket.setTimeout(PROBE_TIMEOUT_MS, () => end());
    socket.once('connect', () => end());
    socket.once('error', end);
  });
}

/** Removes what a killed process left. @throws HubError `storage_failed` for anything that is not a dead socket: it is not ours to delete. */
async function removeStale(path: string, guard: Guard): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found) return;
  if (!found.isSocket()) throw new HubError('storage_failed', `${path} is no socket. Move it away, or set local.socketPath in agent.json.`);
  if (await isAlive(path, guard)) {
    throw new HubError('storage_failed', `Another process listens on ${path}. Stop the other agent: only one may run on a hub.`);
  }
  await unlink(path);
}

/**
 * Listens on a Unix socket with exactly this mode; its group is the process's. Before the mode is set, only the owner can write to it.
 * @throws HubError `storage_failed`, or errors of the file system.
 */
export async function listenOnSocket(server: Server, path: string, mode: number, guard: Guard): Promise<void> {
  await makeFolders(dirname(path), 0o750);
  await removeStale(path, guard);
  // The mask of the process applies to bind(2); nothing else runs between these two lines.
  const before = process.umask(0o177);
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const onListening = guard('control socket', () => {
      server.removeListener('error', reject);
      resolve();
    });
    server.listen({ path }, onListening);
  });
  process.umask(before);
  await listening;
  await chmod(path, mode);
}
