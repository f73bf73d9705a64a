import { HubError } from '../../system/errors.ts';

/** Less than the 20 s between the attempt's end and the checkpoint's; a slow card with much to write takes seconds. */
const SYNC_TIMEOUT_MS = 15_000;

/**
 * `sync(2)`: everything written so far is on the disk. Node has no call for it, so the `sync` program does it; it needs no privilege.
 * NetworkManager renames a new keyfile without fsync, and only this makes it outlive a power cut (measured).
 * @throws HubError `wifi_rolled_back`
 */
export function runSync(): Promise<void> {
  // Loaded here: a start has no use for it.
  const { execFile } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    execFile('sync', { timeout: SYNC_TIMEOUT_MS }, (error) => {
      if (!error) return resolve();
      reject(new HubError('wifi_rolled_back', 'The new network works, but could not be written to disk for good (`sync` failed).'));
    });
  });
}
