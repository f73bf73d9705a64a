/** Why an update cannot be prepared now: another one is, or one waits for the updater. */
export type Occupied = 'prepared' | 'requested';

/**
 * The turn to prepare an update: one at a time on a hub, by the agent or by hubctl, and none while a request waits for the updater.
 * @param lock of everyone who prepares an update on this hub
 * @param isRequested whether a request waits. What stands there and cannot be read is the updater's to remove: it counts as one
 * @returns what gives the turn back, or why there is none now
 * @throws errors of the system from the lock
 */
export async function takeTurn(
  lock: { acquire(): Promise<(() => void) | null> },
  isRequested: () => Promise<boolean>,
): Promise<(() => void) | Occupied> {
  const free = await lock.acquire();
  if (free === null) return 'prepared';
  if (!(await isRequested().catch(() => true))) return free;
  free();
  return 'requested';
}
